class _Archive(object):
    """The kit, unpacked in memory: nothing is written."""

    def __init__(self, text):
        self._text = text
        self._files = None

    def begin(self):
        if self._files is None:
            archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(self._text)))
            self._files = {name: archive.read(name) for name in archive.namelist()}
        sys.meta_path.insert(0, self)

    def end(self):
        sys.meta_path.remove(self)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NAMES:
            for file in (name.replace(".", "/") + "/__init__.py", name.replace(".", "/") + ".py"):
                if file in self._files:
                    package = file.endswith("/__init__.py")
                    return spec_from_loader(name, self, origin="linkdoctor_kit/" + file, is_package=package)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        file = module.__spec__.origin
        exec(compile(self._files[file.partition("/")[2]], file, "exec"), module.__dict__)
