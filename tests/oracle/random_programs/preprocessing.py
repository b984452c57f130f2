"""Sequences, texts, images and utilities with random arguments; seeds of `random` and of numpy."""

import os
import random
import shutil
import tempfile

import numpy as np

from .notes import Draw, Notes

TEXT = "the cat sat on a mat; The Dog's bone -- isn't here! über naïve x1 x2, new\nline\ttab 100% A.B.C"
WORDS = tuple(TEXT.split(" "))


def program(k, seed):
    draw, notes = Draw(seed), Notes()
    random.seed(seed)
    np.random.seed(seed)
    kinds = [
        padding,
        grams,
        tables,
        series,
        tokens,
        tokens,
        hashing,
        images,
        images,
        folders,
        utilities,
        utilities,
    ]
    draw.one_of(kinds)(k, draw, notes)
    return notes.found


def padding(k, draw, notes):
    nested = draw.chance(0.3)
    lists = [
        [
            [draw.number(1, 9), draw.real(0, 1)]
            if nested
            else draw.one_of([draw.number(1, 9), draw.real(0, 9)])
            for _ in range(draw.number(0, 5))
        ]
        for _ in range(draw.number(1, 4))
    ]
    if nested and not lists[0]:
        lists[0] = [[1, 2]]
    told = draw.some(
        maxlen=[1, 3, 6],
        padding=["pre", "post"],
        truncating=["pre", "post"],
        value=[0.0, -1, 9],
        dtype=["int32", "float32", "int64"],
    )
    found = k.preprocessing.sequence.pad_sequences(lists, **told)
    notes.text("arguments", told)
    notes.numbers("padded", found)
    notes.text("dtype", str(found.dtype))


def grams(k, draw, notes):
    size = draw.number(4, 12)
    told = draw.some(
        window_size=[1, 2, 4],
        negative_samples=[0.0, 1.0, 2.5],
        shuffle=[True, False],
        categorical=[True, False],
        seed=[3, 11],
    )
    if draw.chance(0.3):
        told["sampling_table"] = k.preprocessing.sequence.make_sampling_table(
            size, **draw.some(sampling_factor=[0.3, 1e-3])
        )
    words = [int(one) for one in draw.whole(size, draw.number(2, 10))]
    pairs, labels = k.preprocessing.sequence.skipgrams(words, size, **told)
    notes.text("pairs", [[int(a), int(b)] for a, b in pairs])
    notes.text("labels", labels)
    notes.numbers("draws after", [random.random(), np.random.uniform()])


def tables(k, draw, notes):
    notes.numbers(
        "table",
        k.preprocessing.sequence.make_sampling_table(
            draw.number(1, 30), **draw.some(sampling_factor=[1e-5, 1e-2, 1.0])
        ),
    )
    lists = [[int(one) for one in draw.whole(9, draw.number(0, 6))] for _ in range(4)]
    if hasattr(k.preprocessing.sequence, "_remove_long_seq"):
        found = k.preprocessing.sequence._remove_long_seq(draw.number(1, 6), lists, list(range(4)))
        notes.text("kept", found)


def series(k, draw, notes):
    rows = draw.number(8, 20)
    data = draw.array(*[rows, *draw.numbers(draw.number(0, 2), 1, 3)])
    targets = draw.array(rows) if draw.chance(0.5) else data
    told = draw.some(
        sampling_rate=[1, 2],
        stride=[1, 2, 3],
        start_index=[0, 1, 2],
        end_index=[rows - 2, rows - 1],
        reverse=[True, False],
        batch_size=[1, 3, 128],
        shuffle=[True],
    )
    source = k.preprocessing.sequence.TimeseriesGenerator(data, targets, length=draw.number(1, 5), **told)
    notes.text("length", len(source))
    for place in range(len(source)):
        notes.numbers(f"batch{place}", list(source[place]))
    notes.text("is a sequence", isinstance(source, k.utils.Sequence))
    if hasattr(source, "get_config"):
        notes.text("config", sorted(source.get_config()))


def tokens(k, draw, notes):
    told = draw.some(
        num_words=[3, 6, 20],
        lower=[True, False],
        char_level=[True, False],
        oov_token=["<oov>"],
        split=[" ", "a"],
        filters=["", "!;.,", "ab"],
    )
    made = k.preprocessing.text.Tokenizer(**told)
    texts = [" ".join(draw.one_of(WORDS) for _ in range(draw.number(0, 7))) for _ in range(draw.number(1, 4))]
    if draw.chance(0.3):
        made.fit_on_texts([one.split(" ") for one in texts])
    else:
        made.fit_on_texts(texts)
    if draw.chance(0.3):
        made.fit_on_texts(texts[:1])
    notes.text("arguments", told)
    notes.text("index", made.word_index)
    notes.text(
        "counts",
        [list(made.word_counts.items()), made.document_count, dict(made.word_docs), dict(made.index_docs)],
    )
    new = [*texts, "the unknown cat", ""]
    sequences = made.texts_to_sequences(new)
    notes.text("sequences", sequences)
    notes.text("back", made.sequences_to_texts(sequences))
    notes.text("other splits", [list(one) for one in made.texts_to_sequences_generator(new)])
    if told.get("num_words"):
        for mode in ("binary", "count", "freq", "tfidf"):
            notes.numbers(mode, made.texts_to_matrix(texts, mode))
            notes.numbers("of sequences " + mode, made.sequences_to_matrix(sequences, mode))
    if draw.chance(0.3):
        made.fit_on_sequences(sequences)
        notes.text("documents", [made.document_count, dict(made.index_docs)])
    if hasattr(k.preprocessing.text, "tokenizer_from_json"):
        copy = k.preprocessing.text.tokenizer_from_json(made.to_json())
        notes.text("copy", [copy.word_index, copy.texts_to_sequences(new)])


def hashing(k, draw, notes):
    T, text = k.preprocessing.text, " ".join(draw.one_of(WORDS) for _ in range(6))
    told = draw.some(lower=[True, False], split=[" ", "e"], filters=["", "!,;"])
    notes.text("words", T.text_to_word_sequence(text, **told))
    notes.text("hashed", T.hashing_trick(text, draw.number(3, 50), hash_function="md5", **told))
    notes.text("one_hot", len(T.one_hot(text, 9, **told)))


def generator(k, draw):
    told = draw.some(
        featurewise_center=[True, False],
        samplewise_center=[True, False],
        featurewise_std_normalization=[True],
        samplewise_std_normalization=[True],
        zca_whitening=[True, False, False, False],
        rotation_range=[20, 90],
        width_shift_range=[0.3, 2, [-1, 1]],
        height_shift_range=[0.3, 1],
        shear_range=[15.0],
        zoom_range=[0.3, [0.7, 1.4]],
        channel_shift_range=[0.3],
        # scipy computes the edges of "reflect" and "wrap" in another way now.
        fill_mode=["nearest", "constant"],
        cval=[0.5],
        horizontal_flip=[True],
        vertical_flip=[True],
        rescale=[1 / 255.0, 2.0],
        preprocessing_function=[lambda x: x * 0.5],
        data_format=["channels_last", "channels_first"],
        validation_split=[0.3],
        brightness_range=[None, None, [0.5, 1.5]],
    )
    return k.preprocessing.image.ImageDataGenerator(**told), told


def images(k, draw, notes):
    made, told = generator(k, draw)
    first = told.get("data_format") == "channels_first"
    channels, count = draw.one_of([1, 3]), draw.number(4, 9)
    size = draw.numbers(2, 5, 8)
    x = (
        draw.array(count, channels, *size, low=0, high=255)
        if first
        else draw.array(count, *size, channels, low=0, high=255)
    )
    if (
        told.get("featurewise_center")
        or told.get("featurewise_std_normalization")
        or told.get("zca_whitening")
    ):
        made.fit(x, **draw.some(augment=[True], rounds=[2], seed=[4]))
        for name in ("mean", "std", "principal_components"):
            value = getattr(made, name)
            if value is not None and name != "principal_components":
                notes.numbers(name, value)
    notes.numbers("one", made.random_transform(x[0], seed=5))
    notes.numbers("standard", made.standardize(x[0].copy()))
    notes.text("transform", sorted(made.get_random_transform(x[0].shape, seed=3).items(), key=str))
    given = draw.some(batch_size=[2, 3, 32], shuffle=[True, False], seed=[1, 7])
    if told.get("validation_split"):
        given["subset"] = draw.one_of(["training", "validation"])
    y = np.arange(count)
    arguments = [x] if draw.chance(0.2) else [x, y]
    if draw.chance(0.2) and len(arguments) == 2:
        given["sample_weight"] = np.arange(count) / 2.0
    source = made.flow(*arguments, **given)
    notes.text("length", len(source))
    for number in range(3):
        found = next(source)
        notes.numbers(f"batch{number}", list(found) if isinstance(found, tuple) else found)
    notes.numbers("first", list(source[0]) if len(arguments) == 2 else source[0])


def folders(k, draw, notes):
    from PIL import Image

    folder = tempfile.mkdtemp()
    try:
        for name in ("b", "a", "c"):
            os.mkdir(os.path.join(folder, name))
            for number in range(draw.number(2, 4)):
                pixels = draw.whole(256, 6, 5, 3).astype("uint8")
                Image.fromarray(pixels).save(os.path.join(folder, name, f"{number}.png"))
        made, told = generator(k, draw)
        if told.get("zca_whitening"):
            notes.text("whitening", True)
            return
        for name in ("featurewise_center", "featurewise_std_normalization"):
            setattr(made, name, False)
        given = draw.some(
            target_size=[(4, 4), (7, 6)],
            color_mode=["rgb", "grayscale", "rgba"],
            classes=[["a", "b", "c"], ["b", "a"]],
            class_mode=["categorical", "binary", "sparse", "input", None],
            batch_size=[2, 5],
            shuffle=[True, False],
            seed=[3, 8],
            interpolation=["nearest", "bilinear", "bicubic"],
            follow_links=[True],
        )
        if told.get("validation_split"):
            given["subset"] = draw.one_of(["training", "validation"])
        given.setdefault("target_size", (6, 5))
        source = made.flow_from_directory(folder, **given)
        notes.text(
            "found",
            [
                source.filenames,
                source.class_indices,
                [int(one) for one in source.classes],
                len(source),
                list(source.image_shape),
            ],
        )
        for number in range(2):
            found = next(source)
            notes.numbers(f"batch{number}", list(found) if isinstance(found, tuple) else found)
        image = k.preprocessing.image
        pixels = image.img_to_array(
            image.load_img(
                os.path.join(folder, "a", "0.png"),
                **draw.some(target_size=[(4, 3)], color_mode=["grayscale", "rgb"]),
            )
        )
        notes.numbers("loaded", pixels)
        notes.numbers("picture", np.asarray(image.array_to_img(pixels)))
    finally:
        shutil.rmtree(folder)


def utilities(k, draw, notes):
    U = k.utils
    shape = draw.numbers(draw.number(1, 3), 1, 4)
    kind = draw.one_of(["categorical", "normalize", "conv", "progbar", "custom", "slices"])
    notes.text("kind", kind)
    if kind == "categorical":
        told = draw.some(num_classes=[5, 7], dtype=["int32", "float32"])
        found = U.to_categorical(draw.one_of([draw.whole(5, *shape), draw.whole(5, *shape).tolist()]), **told)
        notes.numbers("found", found)
        notes.text("dtype", str(found.dtype))
    elif kind == "normalize":
        x = draw.array(*shape)
        notes.numbers("found", U.normalize(x, **draw.some(axis=[-1, 0], order=[1, 2])))
    elif kind == "conv":
        C = U.conv_utils
        size, kernel, stride, dilation = (
            draw.number(3, 9),
            draw.number(1, 4),
            draw.number(1, 3),
            draw.number(1, 2),
        )
        padding = draw.one_of(["valid", "same", "causal", "full"])
        notes.text("length", C.conv_output_length(size, kernel, padding, stride, dilation))
        padding = draw.one_of(["valid", "same", "full"])
        notes.text("back", C.conv_input_length(size, kernel, padding, stride))
        notes.text(
            "deconvolved", C.deconv_length(size, stride, kernel, padding, draw.one_of([None, 0]), dilation)
        )
        notes.text("tuple", C.normalize_tuple(draw.one_of([3, (1, 2), [4, 5]]), 2, "name"))
        notes.numbers("turned", C.convert_kernel(draw.array(*draw.numbers(4, 1, 3))))
    elif kind == "slices":
        G = U.generic_utils
        arrays = [draw.array(6), draw.one_of([None, draw.array(6, 2)])]
        start = draw.one_of([1, [0, 3]])
        found = G.slice_arrays(arrays, start, draw.one_of([None, 4]) if start == 1 else None)
        notes.numbers("sliced", [one for one in found if one is not None])
    elif kind == "custom":

        def mine(x):
            return x

        with U.CustomObjectScope({"mine": mine}):
            notes.text("name", k.activations.get("mine").__name__)
            notes.text("serialized", k.activations.serialize(mine))
        notes.text("unknown", refused(lambda: k.activations.get("mine")))
        for module in (
            "losses",
            "metrics",
            "regularizers",
            "constraints",
            "initializers",
            "optimizers",
            "activations",
        ):
            notes.text(module, refused(lambda module=module: getattr(k, module).get("no such name")))
    else:
        import io
        import sys

        count = draw.one_of([None, draw.number(2, 40)])
        told = draw.some(width=[10, 30], stateful_metrics=[["b"]], interval=[0.0])
        old, sys.stdout = sys.stdout, io.StringIO()
        try:
            bar = U.Progbar(count, verbose=draw.number(0, 2), **told)
            for place in range(count or 3):
                bar.update(place + 1, [("a", place * 0.5), ("b", 2.0)])
            bar.add(1, [("a", 3.0)])
        finally:
            sys.stdout = old


def refused(call):
    try:
        call()
    except ValueError:
        return "ValueError"
    return "taken"
