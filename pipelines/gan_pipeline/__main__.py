"""`python -m gan_pipeline` is the gan-pipeline command."""

from gan_pipeline.cli.commands import main

if __name__ == "__main__":
    main()
