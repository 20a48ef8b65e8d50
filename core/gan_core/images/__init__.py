"""Pictures that people look at: grids, labelled grids, scatter plots and HTML pages."""
