#!/usr/bin/env python3
"""GIMP 3 plug-in: cut people out and blur backgrounds with a depthmatte server.

The selected layer is sent as a PNG without metadata. The result is a layer mask or a new layer,
in one step of the undo history.
"""

import os
import sys
import tempfile

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib, GObject  # noqa: E402

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from portrait_client import DEFAULT_SERVER, ServerError, fetch_view  # noqa: E402

CUT, BLUR = "depthmatte-cut-out", "depthmatte-blur-background"
SUBJECTS = {"auto": "Automatic", "nearest": "Nearest", "largest": "Largest", "all": "Everybody"}


class Depthmatte(Gimp.PlugIn):
    """The two procedures."""

    def do_query_procedures(self):
        """Return the names of the procedures."""
        return [CUT, BLUR]

    def do_set_i18n(self, name):
        """Say that there are no translations."""
        return False

    def do_create_procedure(self, name):
        """Describe a procedure: menu, help and arguments."""
        procedure = Gimp.ImageProcedure.new(
            self, name, Gimp.PDBProcType.PLUGIN, cut_out if name == CUT else blur_background, None
        )
        procedure.set_image_types("RGB*, GRAY*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        label, blurb = (
            ("_Cut Out Person...", "Mask everything but the person")
            if name == CUT
            else ("_Blur Background...", "Add a layer with a blurred background")
        )
        procedure.set_menu_label(label)
        procedure.add_menu_path("<Image>/Filters/depthmatte")
        procedure.set_documentation(
            blurb, f"{blurb}. Sends the layer to a depthmatte server, by default on this machine."
        )
        procedure.set_attribution("depthmatte contributors", "depthmatte contributors", "2026")
        flags = GObject.ParamFlags.READWRITE
        choice = Gimp.Choice.new()
        for number, (nick, shown) in enumerate(SUBJECTS.items()):
            choice.add(nick, number, shown, "")
        procedure.add_choice_argument(
            "subject",
            "_Person",
            "Which of several people to keep",
            choice,
            "auto",
            flags,
        )
        if name == BLUR:
            procedure.add_double_argument(
                "strength", "_Strength", "How strong the blur is", 0.0, 1.0, 0.5, flags
            )
        procedure.add_string_argument(
            "server", "Ser_ver", "Address of depthmatte serve", DEFAULT_SERVER, flags
        )
        return procedure


def cut_out(procedure, run_mode, image, drawables, config, data):
    """Give the selected layer a mask that shows the person only."""
    return _run(procedure, run_mode, image, drawables, config, "cutout", _set_mask)


def blur_background(procedure, run_mode, image, drawables, config, data):
    """Add a layer with a blurred background above the selected one."""
    return _run(procedure, run_mode, image, drawables, config, "blur", _add_layer)


def _run(procedure, run_mode, image, drawables, config, view, place):
    """Ask for the arguments, then for the view, and put it into the image."""
    if len(drawables) != 1 or not isinstance(drawables[0], Gimp.Layer):
        return _fail(procedure, Gimp.PDBStatusType.CALLING_ERROR, "select one layer")
    if run_mode == Gimp.RunMode.INTERACTIVE and not _ask(procedure, config):
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
    layer = drawables[0]
    Gimp.progress_init("Asking the depthmatte server")
    with tempfile.TemporaryDirectory(prefix="depthmatte-") as folder:
        path = os.path.join(folder, "picture.png")
        try:
            _save_layer(layer, path)
            with open(path, "rb") as file:
                photo = file.read()
            content = fetch_view(
                config.get_property("server"),
                photo,
                view,
                {"subject": config.get_property("subject")},
                config.get_property("strength") if view == "blur" else None,
            )
            with open(path, "wb") as file:
                file.write(content)
        except (ServerError, OSError) as error:
            return _fail(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, str(error))
        image.undo_group_start()
        Gimp.context_push()
        try:
            result = Gimp.file_load_layer(
                Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(path)
            )
            place(image, layer, result)
        finally:
            Gimp.context_pop()
            image.undo_group_end()
    Gimp.progress_end()
    Gimp.displays_flush()
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())


def _ask(procedure, config):
    """Show the dialog of the arguments; False when it is cancelled."""
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    GimpUi.init("depthmatte")
    dialog = GimpUi.ProcedureDialog.new(procedure, config, None)
    dialog.fill(None)
    accepted = dialog.run()
    dialog.destroy()
    return accepted


def _save_layer(layer, path):
    """Write the layer's pixels as a PNG without the metadata of the image."""
    alone = Gimp.Image.new(layer.get_width(), layer.get_height(), Gimp.ImageBaseType.RGB)
    try:
        copy = Gimp.Layer.new_from_drawable(layer, alone)
        alone.insert_layer(copy, None, 0)
        copy.set_offsets(0, 0)
        copy.set_opacity(100)
        if copy.get_mask() is not None:
            copy.remove_mask(Gimp.MaskApplyMode.DISCARD)
        saved = Gimp.file_save(
            Gimp.RunMode.NONINTERACTIVE, alone, Gio.File.new_for_path(path), None
        )
        if not saved:
            raise OSError(f"{path}: cannot be written")
    finally:
        alone.delete()


def _set_mask(image, layer, result):
    """Turn the opacity of the cut-out into the mask of the layer."""
    image.insert_layer(result, layer.get_parent(), image.get_item_position(layer))
    if layer.get_mask() is not None:
        layer.remove_mask(Gimp.MaskApplyMode.DISCARD)
    if not layer.has_alpha():
        layer.add_alpha()
    result.set_offsets(*layer.get_offsets()[1:])
    # Masks are linear: a gray picture would be converted, an alpha channel is not.
    mask = result.create_mask(Gimp.AddMaskType.ALPHA)
    image.remove_layer(result)
    layer.add_mask(mask)


def _add_layer(image, layer, result):
    """Put the picture above the layer."""
    image.insert_layer(result, layer.get_parent(), image.get_item_position(layer))
    result.set_offsets(*layer.get_offsets()[1:])
    result.set_name(f"{layer.get_name()}, blurred background")


def _fail(procedure, status, words):
    """Return an error that GIMP shows."""
    return procedure.new_return_values(
        status, GLib.Error.new_literal(Gimp.PlugIn.error_quark(), f"depthmatte: {words}", 0)
    )


Gimp.main(Depthmatte.__gtype__, sys.argv)
