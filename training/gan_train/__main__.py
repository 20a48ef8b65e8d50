"""`python -m gan_train` is the gan-train command."""

from gan_train.cli.main import main

main()
