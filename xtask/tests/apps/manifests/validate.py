"""Validates the objects of YAML files against the schemas of three versions of Kubernetes, and prints them as JSON.

PyYAML reads YAML 1.1, in which `no` is false and `1:30` is 90: a text that was not quoted differs here. An unknown field is an error.
Objects of other people's kinds, which have no such schema, are printed only.
"""

import json
import sys

import kubernetes_validate
import yaml

OTHER = {"HTTPRoute", "ExternalSecret"}
VERSIONS = sys.argv[1].split(",")

objects = []
for path in sys.argv[2:]:
    with open(path) as file:
        objects += [one for one in yaml.safe_load_all(file) if one is not None]
checked = 0
for one in objects:
    if one["kind"] in OTHER:
        continue
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(one, version, strict=True)
            checked += 1
        except Exception as error:
            path = ".".join(str(part) for part in getattr(error, "path", []))
            message = getattr(error, "message", str(error))
            sys.exit(f"{one['kind']} {one['metadata']['name']} in {version}: {path}: {message}")
print(json.dumps({"objects": objects, "checked": checked}))
