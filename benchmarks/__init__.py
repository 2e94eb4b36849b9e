"""Benchmarks of binner, and the generator of the small metagenomes that its demo and tests use."""
