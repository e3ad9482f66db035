"""A tiny Llama of random weights as a GGUF file, its matrices in blocks of eight bits."""

from pathlib import Path

import gguf
import numpy as np
from gguf.quants import quantize

WIDTH, FORWARD, HEADS, LAYERS = 32, 64, 4, 2
MERGES = ["t h", "th e", "Ġ the"]


def write_gguf(path: Path) -> None:
    """Write the file."""
    tokens = ["<|endoftext|>", *_alphabet(), "th", "the", "Ġthe"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL, *[gguf.TokenType.NORMAL] * (len(tokens) - 1)])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    _add_tensors(writer, len(tokens))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _alphabet() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def _add_tensors(writer: gguf.GGUFWriter, num_tokens: int) -> None:
    rng = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        if len(shape) == 1:
            writer.add_tensor(f"{name}.weight", np.ones(shape, dtype=np.float32))
            return
        kind = gguf.GGMLQuantizationType.Q8_0
        packed = quantize(rng.normal(0, 0.2, shape).astype(np.float32), kind)
        writer.add_tensor(f"{name}.weight", packed, raw_dtype=kind)

    add("token_embd", num_tokens, WIDTH)
    add("output_norm", WIDTH)
    add("output", num_tokens, WIDTH)
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            add(f"blk.{layer}.{part}", WIDTH, WIDTH)
        for part, shape in (
            ("ffn_gate", (FORWARD, WIDTH)),
            ("ffn_up", (FORWARD, WIDTH)),
            ("ffn_down", (WIDTH, FORWARD)),
        ):
            add(f"blk.{layer}.{part}", *shape)
        add(f"blk.{layer}.attn_norm", WIDTH)
        add(f"blk.{layer}.ffn_norm", WIDTH)
