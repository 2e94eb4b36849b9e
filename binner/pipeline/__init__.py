"""The order of the stages, for each thing that binner does."""
