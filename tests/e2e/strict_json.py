# SPDX-License-Identifier: BSD-2-Clause
# strict_json.py FILE [TYPE]: FILE is JSON lines for a strict reader, and has no byte but printable ASCII,
# UTF-8 and newlines. With a TYPE, prints how many of its records are of that one.
import json
import re
import sys


def refuse(word):
    raise ValueError(word)


def unique(items):
    keys = [key for key, _ in items]
    assert len(keys) == len(set(keys)), keys
    return dict(items)


def main():
    with open(sys.argv[1], 'rb') as file:
        data = file.read()
    assert data and data.endswith(b'\n')
    count = 0
    for line in data[:-1].split(b'\n'):
        assert not re.search(rb'[\x00-\x1f\x7f]', line), line[:300]
        record = json.loads(line.decode('utf-8', 'strict'), parse_constant=refuse, object_pairs_hook=unique)
        json.dumps(record, ensure_ascii=False).encode('utf-8', 'strict')  # no half of a surrogate pair
        count += len(sys.argv) > 2 and record['event_type'] == sys.argv[2]
    if len(sys.argv) > 2:
        print(count)


main()
