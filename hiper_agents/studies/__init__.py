"""Studies: arms trained alike but for a few settings, from one start, over several seeds; run, resumed and told."""
