"""The generated catalogue: its shape, and that a seed means the same everywhere."""

import hashlib
import itertools
import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from webshop_server.generated.blueprints import draw_blueprint
from webshop_server.generated.generate import MAX_PRODUCTS, generate_product, generate_products, make_asin
from webshop_server.generated.product_text import title_nouns
from webshop_server.generated.vocabulary import DEPARTMENTS, load_vocabulary

DIGEST_SCRIPT = """
import hashlib, json
from webshop_server.generated.generate import generate_products
digest = hashlib.sha256()
for raw in generate_products(100, seed=3):
    digest.update(json.dumps([raw.product, raw.attributes, raw.human, raw.title_nouns]).encode())
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def raws():
    return list(generate_products(1000, seed=0))


def mean(numbers):
    numbers = list(numbers)
    return sum(numbers) / len(numbers)


@pytest.mark.parametrize("hash_seed", ["0", "1234"])
def test_same_seed_gives_the_same_bytes_in_any_process(hash_seed):
    digest = hashlib.sha256()
    for raw in generate_products(100, seed=3):
        digest.update(json.dumps([raw.product, raw.attributes, raw.human, raw.title_nouns]).encode())
    run = subprocess.run(
        [sys.executable, "-c", DIGEST_SCRIPT],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == digest.hexdigest()


def test_a_small_catalogue_is_the_beginning_of_a_large_one(raws):
    assert list(generate_products(100)) == raws[:100]


def test_seeds_differ(raws):
    other = list(generate_products(100, seed=1))
    assert all(a.product["name"] != b.product["name"] for a, b in zip(raws, other, strict=False))


def test_it_streams():
    products = generate_products(MAX_PRODUCTS)
    assert len(list(itertools.islice(products, 5))) == 5


@pytest.mark.parametrize("number", [99, 0, -1, MAX_PRODUCTS + 1])
def test_a_number_out_of_range_is_named(number):
    with pytest.raises(ValueError, match=r"between 100 and 1,200,000, got"):
        generate_products(number)


@pytest.mark.parametrize("arguments", [{"num_products": 1e3}, {"num_products": True}, {"seed": "7"}])
def test_only_whole_numbers_will_do(arguments):
    with pytest.raises(TypeError, match="must be a whole number"):
        generate_products(**arguments)


def test_departments_have_the_real_shares(raws):
    counts = [sum(raw.product["category"] == name for raw in raws) for name in DEPARTMENTS]
    assert all(abs(count - real) < 30 for count, real in zip(counts, (238, 229, 216, 200, 117), strict=True))


def test_asins_are_ten_characters_and_unique():
    asins = {make_asin(0, index) for index in range(200_000)}
    assert len(asins) == 200_000
    assert all(len(asin) == 10 for asin in asins)


def test_a_product_has_the_fields_of_the_source_files(raws):
    for raw in raws:
        product = raw.product
        assert set(product) == {
            "name", "full_description", "small_description", "pricing", "images", "product_category",
            "customization_options", "asin", "category", "query", "page",
        }  # fmt: skip
        assert product["name"].strip() == product["name"] != ""
        for values in product["customization_options"].values():
            names = [value["value"] for value in values]
            assert 1 <= len(names) == len(set(names)) <= 50
        assert all(entry["asin"] == product["asin"] for entry in raw.human)


def test_instructions_name_only_what_the_product_lists(raws):
    for raw in raws:
        listed = set(raw.attributes["attributes"])
        wanted = raw.attributes.get("instruction_attributes", [])
        assert set(wanted) <= listed
        assert all(attribute in raw.attributes["instruction"] for attribute in wanted)
        options = {v["value"].lower() for values in raw.product["customization_options"].values() for v in values}
        for entry in raw.human:
            assert entry["instruction_attributes"]
            assert set(entry["instruction_attributes"]) <= listed
            assert set(entry["instruction_options"]) <= options


def test_every_instruction_word_is_lower_case_for_people_and_find_me_for_the_template(raws):
    templates = [raw.attributes["instruction"] for raw in raws if "instruction" in raw.attributes]
    assert all(text.startswith("Find me ") for text in templates)
    human = [entry["instruction"] for raw in raws for entry in raw.human]
    assert len({text.split(" ")[0] for text in human}) >= 10
    assert len(set(human)) > 0.9 * len(human)


def test_nouns_leave_out_numbers_and_little_words():
    title = "Zalo Women's Non-Slip House Slippers with Memory Foam, 2 Pack"
    nouns = title_nouns(load_vocabulary(), title)
    assert nouns == ("zalo", "women", "slip", "house", "slippers", "memory", "foam", "pack")


def test_product_is_drawn_from_its_index_alone(raws):
    assert generate_product(load_vocabulary(), 0, 777) == raws[777]


def digest_products(numbers):
    digest = hashlib.sha256()
    for index in numbers:
        raw = generate_product(load_vocabulary(), 0, index)
        digest.update(json.dumps([raw.product, raw.attributes, raw.human, raw.title_nouns]).encode())
    return digest.hexdigest()


@pytest.mark.parametrize(
    ("numbers", "digest"),
    [
        (range(1000), "bd862af783c2384b5df3cf5a0e4d8b1499ee54423f8170f6c6b86f7a527216a8"),
        (range(1000, 5000, 4), "dcc62508d7433128abd205869882a8210ac185281d961a56952b17b70232170c"),
    ],
)
def test_products_stay_as_they_are(numbers, digest):
    """The shipped panels are over the first 1,000 and the first 5,000 of seed 0; other products need new panels."""
    assert digest_products(numbers) == digest


def test_a_larger_catalogue_has_a_wider_range():
    """Every thousand products after the first have collections of their own, in noun and query; the first has none."""
    vocabulary = load_vocabulary()
    found = []
    for thousand in range(5):
        blueprints = [draw_blueprint(vocabulary, 0, 1000 * thousand + place) for place in range(1000)]
        counts = Counter(blueprint.noun.split()[0] for blueprint in blueprints)
        found.append({name for name in vocabulary.collections if counts[name] > 30})
        named = [blueprint for blueprint in blueprints if blueprint.noun.split()[0] in vocabulary.collections]
        assert all(blueprint.query.split()[0] == blueprint.noun.split()[0].lower() for blueprint in named)
        assert len(named) > 900 or thousand == 0
    assert [len(each) for each in found] == [0, 12, 12, 12, 12]
    assert len(set().union(*found)) == 48 == len(vocabulary.collections)


def test_no_other_word_list_has_the_names_of_collections():
    names = {name.lower() for name in load_vocabulary().collections}
    plain = [json.dumps(generate_product(load_vocabulary(), 0, index).product).lower() for index in range(1000)]
    assert not names & {word for text in plain for word in re.findall(r"[a-z]+", text)}


def test_the_shape_is_that_of_the_real_products(raws):
    """Bounds around the figures of the original's 1,000 products; docs/webshop_catalogue.md has them side by side."""
    products = [raw.product for raw in raws]
    instructed = [raw for raw in raws if "instruction" in raw.attributes]
    groups = [product["customization_options"] for product in products if product["customization_options"]]
    sizes = [len(values) for options in groups for values in options.values()]
    assert 16 < mean(len(product["name"].split()) for product in products) < 20
    assert 4.2 < mean(len(product["small_description"]) for product in products) < 5.0
    assert 65 < mean(len(product["full_description"].split()) for product in products) < 95
    assert 2.4 < mean(len(raw.attributes["attributes"]) for raw in raws) < 3.5
    assert 0.5 < 1 - len(groups) / len(products) < 0.64
    assert 1.3 < mean(len(options) for options in groups) < 1.6
    assert 5.0 < mean(sizes) < 6.4
    assert 30 <= max(sizes) <= 50
    assert 370 < len(instructed) < 460
    assert 200 < len({product["query"] for product in products}) < 290
    assert 0.06 < mean(" - " in product["pricing"] for product in products) < 0.13
    assert 1500 < sum(len(raw.human) for raw in raws) < 3000


def test_some_products_are_near_copies(raws):
    lines = [(raw.product["query"], raw.product["name"].split()[0]) for raw in raws]
    assert 20 < len(lines) - len(set(lines)) < 200


def test_people_speak_of_few_products_beyond_the_first_thousand():
    vocabulary = load_vocabulary()
    spoken_of = [bool(generate_product(vocabulary, 0, index).human) for index in range(5000, 6000)]
    assert 0 < sum(spoken_of) < 30


def test_the_word_lists_are_complete_and_agree_with_each_other():
    vocabulary = load_vocabulary()
    for department in vocabulary.departments:
        assert len(department.shelf) >= 40
        kinds = {feature.kind for family in department.families for feature in family.features}
        assert kinds == {"quality", "part", "use"}
        for family in department.families:
            assert len(set(family.words)) == len(family.words) >= 10
            assert len({feature.phrase for feature in family.features}) == len(family.features)
    queries = [kind.query for department in vocabulary.departments for _, kind in department.shelf]
    assert len(queries) == len(set(queries))


def test_nouns_agree_with_the_tagger(raws):
    nouns = pytest.importorskip("webshop_server.catalogue.nouns")
    try:
        model = nouns.NounModel()
    except nouns.NounModelMissingError:
        pytest.skip("spaCy's model en_core_web_sm is not installed: pip install 'hiper-suite[spacy]'")
    sample = raws[:300]
    tagged = model.find_nouns([raw.product["name"] for raw in sample])
    pairs = [(Counter(raw.title_nouns), Counter(found)) for raw, found in zip(sample, tagged, strict=True)]
    shared = sum((ours & theirs).total() for ours, theirs in pairs)
    assert shared > 0.94 * sum(ours.total() for ours, _ in pairs)
    assert shared > 0.94 * sum(theirs.total() for _, theirs in pairs)
