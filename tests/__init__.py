"""The test suite; a package, so that no folder of tests takes the name of a library."""
