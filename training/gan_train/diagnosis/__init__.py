"""How a training goes, told in words from what it logs."""
