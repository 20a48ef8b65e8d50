"""Recipes: typed sections that say everything about a run but its dataset, checked before anything heavy is imported."""
