#!/usr/bin/env python3
"""A compiler launcher: takes over the object that another build made by the same command.

    take_object.py COMMANDS BINARY SUBDIRECTORY COMPILER ARGUMENTS...

COMMANDS is the file of `ninja -t compdb` of the build in BINARY, SUBDIRECTORY the directory of the
same project inside the build that asks. Commands are the same if they differ in these two
directories, in launchers and in the names of what they write at most. All else is compiled.
"""
import json
import os
import shlex
import sys

WRITTEN = ("-o", "-MT", "-MF")


def arguments_of(command, compiler, directory):
    """What decides about the object, or None unless `compiler` is what runs."""
    if compiler not in command:
        return None
    rest = iter(command[command.index(compiler) + 1:])
    kept = []
    for argument in rest:
        if argument in WRITTEN:
            next(rest)
        else:
            kept.append(argument.replace(directory, "@"))
    return kept


def main():
    commands, binary, subdirectory = sys.argv[1:4]
    command = sys.argv[4:]
    if "-c" in command:
        wanted = arguments_of(command, command[0], subdirectory)
        with open(commands, encoding="utf-8") as file:
            entries = json.load(file)
        for entry in entries:
            if entry["file"] != wanted[-1]:
                continue
            made = os.path.join(entry["directory"], entry["output"])
            made_by = arguments_of(shlex.split(entry["command"]), command[0], binary)
            if made_by == wanted and os.path.exists(made):
                os.symlink(made, command[command.index("-o") + 1])
                return
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
