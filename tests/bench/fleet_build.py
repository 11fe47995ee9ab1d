"""fleet_build.py - what the benches of the fleet take from the build

Copyright (C) 2026 the cbigan developers
SPDX-License-Identifier: LGPL-2.1-or-later
"""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tests'), str(ROOT / 'tests/fleet')]

BUILD = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else 'build').resolve()
FEED, PROGRAM = str(BUILD / 'tests/fleet/feed'), str(BUILD / 'trainer/cbigan')
MOCK_KAFKA, MAKE_MODEL = str(BUILD / 'tests/fleet/mock-kafka'), str(BUILD / 'tests/gst/make-model')
os.environ.update(GST_PLUGIN_PATH=str(BUILD / 'gst-plugin'), CBIGAN_MODULE_PATH=f'{BUILD}/gst-plugin/publish:{BUILD}/trainer',
                  OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1')


def percentiles(values, unit, scale=1.0):
    """Median, 99 %, 99.9 % and the longest, in words."""
    found = sorted(values)
    at = [found[min(len(found) - 1, int(len(found) * share))] * scale for share in (0.5, 0.99, 0.999)]
    return 'median {:.3g}, p99 {:.3g}, p99.9 {:.3g}, longest {:.3g} {}'.format(*at, found[-1] * scale, unit)


def make_cloth(folder, n, side):
    """n pictures of the cloth source, one in ten with a defect; returns their paths."""
    os.makedirs(folder)
    subprocess.run(['gst-launch-1.0', '-q', 'cbigantestsrc', f'num-buffers={n}', 'defects=0.1', '!', f'video/x-raw,width={side},height={side}', '!',
                    'videoconvert', '!', 'pngenc', '!', 'multifilesink', f'location={folder}/%05d.png'], check=True)
    return sorted(str(path.resolve()) for path in pathlib.Path(folder).iterdir())
