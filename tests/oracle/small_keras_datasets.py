"""Writes small data sets where Keras's loaders and scripts look for them: there is no network in a test.

    small_keras_datasets.py HOME FOLDER [ROWS]

HOME gets `.keras/datasets`, FOLDER what the scripts open in the folder that they are started in. ROWS is the
number of MNIST's images to train on, 300 if it is not given; half of them, from 300 to 10,000, are there to
test. The data are drawn from seeded numbers; classes can be told apart, so that training gets somewhere.
"""

import io
import json
import pickle
import sys
import tarfile
from pathlib import Path

import numpy as np

PEOPLE = ("Mary", "John", "Sandra", "Daniel")
PLACES = ("kitchen", "garden", "office", "hallway", "bedroom")
THINGS = ("apple", "milk", "football")
SUBJECTS = {"I": "Je", "You": "Tu", "We": "Nous", "They": "Ils"}
ACTIONS = {"sing": "chante", "run": "cours", "sleep": "dors", "eat": "mange", "read": "lis", "win": "gagne"}
ENDINGS = {".": ".", " now.": " maintenant.", " here.": " ici.", "?": " ?", " again!": " encore !"}


def main(home, folder, rows=300):
    """Writes all of them."""
    random = np.random.default_rng(224)
    cache = home / ".keras" / "datasets"
    cache.mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    write_mnist(cache, random, rows)
    write_cifar10(cache, random)
    write_imdb(cache, random)
    write_reuters(cache, random)
    write_babi(cache, random)
    write_word_lists(cache)
    (cache / "nietzsche.txt").write_text(prose(random, 400), encoding="utf-8")
    write_translations(folder)
    write_newsgroups(folder, random)
    write_pictures(folder, random)


def pictures(random, rows, *shape):
    """Draws `rows` pictures of ten kinds: a bright square, elsewhere for each kind, in noise."""
    labels = np.arange(rows) % 10
    found = random.integers(0, 60, (rows, *shape))
    size = shape[0] // 4
    for row, label in enumerate(labels):
        top, left = label // 4 * size + 2, label % 4 * size
        found[row, top : top + size, left : left + size] += 180
    return found.astype("uint8"), labels.astype("uint8")


def write_mnist(cache, random, rows):
    """Draws 28 by 28 pixels in grey: 300 different images, again and again."""
    images, labels = pictures(random, 300, 28, 28)
    test = min(max(rows // 2, 300), 10_000)
    np.savez_compressed(
        cache / "mnist.npz",
        x_train=np.resize(images, (rows, 28, 28)),
        y_train=np.resize(labels, rows),
        x_test=np.resize(images, (test, 28, 28)),
        y_test=np.resize(labels, test),
    )


def write_cifar10(cache, random):
    """Draws 32 by 32 pixels in colour: five files to train on and one to test."""
    folder = cache / "cifar-10-batches-py"
    folder.mkdir()
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        images, labels = pictures(random, 40, 32, 32, 3)
        rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
        with (folder / name).open("wb") as file:
            pickle.dump({b"data": rows, b"labels": labels.tolist()}, file, protocol=2)
    # The loader asks for the archive too.
    (cache / "cifar-10-batches-py.tar.gz").touch()


def texts_of(random, labels, words, shortest, longest):
    """Draws lists of word numbers in which every fourth word tells the label."""
    rows = np.empty(len(labels), dtype=object)
    for row, label in enumerate(labels):
        text = random.integers(1, words, random.integers(shortest, longest))
        text[::4] = words + label
        rows[row] = text.tolist()
    return rows


def write_imdb(cache, random):
    """Draws reviews of two kinds."""
    labels = random.integers(0, 2, 200)
    texts = texts_of(random, labels, 500, 20, 120)
    half = len(labels) // 2
    np.savez(
        cache / "imdb.npz",
        x_train=texts[:half],
        y_train=labels[:half],
        x_test=texts[half:],
        y_test=labels[half:],
    )
    (cache / "imdb_word_index.json").write_text(json.dumps({f"word{n}": n for n in range(1, 502)}))


def write_reuters(cache, random):
    """Draws news of 46 kinds."""
    labels = np.arange(300) % 46
    np.savez(cache / "reuters.npz", x=texts_of(random, labels, 400, 20, 80), y=labels)
    (cache / "reuters_word_index.json").write_text(json.dumps({f"word{n}": n for n in range(1, 447)}))


def stories(random, count, with_things):
    """Draws questions after a few sentences; one answer needs one of them or, with things, two."""
    lines = []
    for _ in range(count):
        person, other = random.choice(PEOPLE, 2, replace=False)
        place, elsewhere = random.choice(PLACES, 2, replace=False)
        thing = random.choice(THINGS)
        said = [f"{person} went to the {place}.", f"{other} moved to the {elsewhere}."]
        asked, supporting = f"Where is {person}?", "1"
        if with_things:
            said.append(f"{person} got the {thing}.")
            asked, supporting = f"Where is the {thing}?", "3 1"
        said.append(f"{asked} \t{place}\t{supporting}")
        lines += [f"{number} {sentence}" for number, sentence in enumerate(said, 1)]
    return "\n".join(lines) + "\n"


def write_babi(cache, random):
    """Writes the two tasks that the examples read."""
    with tarfile.open(cache / "babi-tasks-v1-2.tar.gz", "w:gz") as archive:
        for task, with_things in (("qa1_single-supporting-fact", False), ("qa2_two-supporting-facts", True)):
            for folder in ("en", "en-10k"):
                for part, count in (("train", 200), ("test", 50)):
                    text = stories(random, count, with_things).encode()
                    member = tarfile.TarInfo(f"tasks_1-20_v1-2/{folder}/{task}_{part}.txt")
                    member.size = len(text)
                    archive.addfile(member, io.BytesIO(text))


def prose(random, sentences):
    """Draws sentences of a small grammar."""
    found = []
    for _ in range(sentences):
        person, place, thing = random.choice(PEOPLE), random.choice(PLACES), random.choice(THINGS)
        found.append(f"{person} takes the {thing} to the {place}, and nobody knows why.")
    return "\n".join(found)


def write_word_lists(cache):
    """Makes 18,000 words of up to four letters, and still more pairs of words."""
    syllables = [consonant + vowel for consonant in "bcdfghjklmnprstvwz" for vowel in "aeiou"]
    words = [syllable + last for last in ("", *"bcdfghjklmnprstvwz") for syllable in syllables]
    words += [first + second for first in syllables for second in syllables]
    words += [first[::-1] + second[::-1] for first in syllables for second in syllables]
    pairs = [f"{first} {second}" for first in words[:150] for second in words[:150]]
    with tarfile.open(cache / "wordlists.tgz.tar.gz", "w:gz") as archive:
        for name, lines in (("wordlist_mono_clean.txt", words), ("wordlist_bi_clean.txt", pairs)):
            text = ("\n".join(lines) + "\n").encode()
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))


def write_translations(folder):
    """Writes short sentences in English and in something like French."""
    (folder / "fra-eng").mkdir()
    lines = [
        f"{subject} {action}{ending}\t{theirs} {does}{end}"
        for subject, theirs in SUBJECTS.items()
        for action, does in ACTIONS.items()
        for ending, end in ENDINGS.items()
    ]
    (folder / "fra-eng" / "fra.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_newsgroups(folder, random):
    """Writes letters to three groups, and vectors for the words in them."""
    words = sorted({*PEOPLE, *PLACES, *THINGS, "takes", "the", "to", "and", "nobody", "knows", "why"})
    (folder / "glove.6B").mkdir()
    vectors = random.normal(size=(len(words), 100)).round(3)
    lines = [f"{word.lower()} {' '.join(map(str, row))}" for word, row in zip(words, vectors, strict=True)]
    (folder / "glove.6B" / "glove.6B.100d.txt").write_text("\n".join(lines) + "\n")
    for topic in ("garden", "kitchen", "office"):
        group = folder / "20_newsgroup" / topic
        group.mkdir(parents=True)
        for number in range(40):
            text = f"From: {topic}\nLines: 9\n\n{prose(random, 6)} {(topic + ' ') * 8}\n"
            (group / str(10_000 + number)).write_text(text)


def write_pictures(folder, random):
    """Writes pictures for the scripts that transform some."""
    from PIL import Image

    for name, size in (("base.jpg", (96, 80)), ("style.jpg", (90, 90))):
        ramp = np.linspace(0, 200, size[0] * size[1] * 3).reshape(size[1], size[0], 3)
        Image.fromarray((ramp + random.integers(0, 55, ramp.shape)).astype("uint8")).save(folder / name)
    masks = np.zeros((64, 64, 3), dtype="uint8")
    masks[:, 32:, 0] = 255
    masks[40:, :, 2] = 255
    for name in ("style_mask.png", "target_mask.png"):
        Image.fromarray(masks).save(folder / name)
        masks = masks.transpose(1, 0, 2).copy()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
