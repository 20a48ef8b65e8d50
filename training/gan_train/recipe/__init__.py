"""What a recipe can say: typed sections, checked before anything heavy is imported."""
