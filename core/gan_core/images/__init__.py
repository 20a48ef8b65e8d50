"""Pictures that people look at, as bytes of a file: grids, labelled grids, animations and scatter plots."""
