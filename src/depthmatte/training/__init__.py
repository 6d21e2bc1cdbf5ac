"""Training of the shipped networks; the only part of depthmatte that needs torch.

`recipe` holds the options of a run, `loop` trains, `run` is a run in progress. `tasks` says what
differs between the networks of `networks`. `data` reads the training folders, `augment` varies
photos and maps, `scenes` composes pictures with exact depth. `export` writes what ships.
"""
