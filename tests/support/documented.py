"""The commands of a page of the documentation, as tests run them."""

import re
import shlex


def documented(page: str) -> list[list[str]]:
    """The commands in the bash blocks of a page, in their order.

    Trainings whose folder no other command names are checked by `--dry-run`, all but the first: recipe, data and options are
    read and the networks built, but no step is taken. Tests of the recipes and options take the steps.

    Args:
        page: the text, in Markdown.
    """
    lines = [line for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    commands = [shlex.split(line) for line in lines]
    trainings = [command for command in commands if command[:2] == ["gan-train", "run"] and "--dry-run" not in command]
    needless = [one for one in trainings[1:] if sum(one[one.index("-o") + 1] in command for command in commands) == 1]
    return [[*command, "--dry-run"] if command in needless else command for command in commands]
