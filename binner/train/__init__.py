"""Training of what binner ships: encoders, from genomes to a folder with weights and a card."""
