"""binner: metagenomic binning with a species-aware DNA language model."""

__version__ = "0.1.0"
