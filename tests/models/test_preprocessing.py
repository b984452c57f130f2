"""Sequences, texts and images as arrays; the numbers were computed by Keras 2.2.4."""

import random

import numpy as np
import pytest

from batchyard.models import Sequential, backend, layers
from batchyard.models.callbacks import LambdaCallback
from batchyard.models.errors import DataError, InvalidArgumentError, MissingPackageError
from batchyard.models.preprocessing import image, sequence, text
from batchyard.models.utils import Sequence


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
        ({"padding": "post", "value": 9}, [[1, 9, 9], [2, 3, 9], [4, 5, 6]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
        ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [4, 5]]),
    ],
)
def test_sequences_are_filled_up_and_cut(arguments, wanted):
    assert sequence.pad_sequences([[1], [2, 3], [4, 5, 6]], **arguments).tolist() == wanted


def test_sequences_may_hold_vectors_and_texts():
    assert sequence.pad_sequences([[[1, 2]], []], maxlen=2).tolist() == [[[0, 0], [1, 2]], [[0, 0], [0, 0]]]
    assert sequence.pad_sequences([["a"]], 2, dtype=object, value="-").tolist() == [["-", "a"]]
    with pytest.raises(InvalidArgumentError, match="dtype=object"):
        sequence.pad_sequences([["a"]], value="-")
    with pytest.raises(DataError, match="list of lists"):
        sequence.pad_sequences([1, 2])
    with pytest.raises(DataError, match="shape"):
        sequence.pad_sequences([[[1, 2]], [[1, 2, 3]]])
    with pytest.raises(InvalidArgumentError, match="'pre' or 'post'"):
        sequence.pad_sequences([[1]], padding="both")


def test_frequent_words_are_kept_more_seldom():
    np.testing.assert_allclose(
        sequence.make_sampling_table(5),
        [0.00315225, 0.00315225, 0.00547597, 0.00741556, 0.00912817],
        rtol=1e-5,
    )


def test_word_pairs_are_neighbours_and_random_words():
    pairs, labels = sequence.skipgrams([1, 2, 0, 3], 4, window_size=1, negative_samples=0, shuffle=False)
    assert pairs == [[1, 2], [2, 1]]
    assert labels == [1, 1]
    random.seed(1)
    pairs, labels = sequence.skipgrams(range(1, 9), 9, window_size=2, categorical=True)
    assert len(pairs) == 52
    assert sum(label == [0, 1] for label in labels) == 26
    assert all(abs(a - b) <= 2 for (a, b), label in zip(pairs, labels, strict=True) if label == [0, 1])
    assert sequence.skipgrams([1, 2], 3, sampling_table=[0, 0, 0]) == ([], [])


def test_windows_over_time_come_with_their_targets():
    series = np.arange(50)[:, None]
    windows = sequence.TimeseriesGenerator(series, series, length=10, sampling_rate=2, batch_size=2)
    assert len(windows) == 20
    x, y = windows[0]
    assert x[..., 0].tolist() == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]
    assert y.tolist() == [[10], [11]]
    x, y = sequence.TimeseriesGenerator(
        series, series, 3, stride=2, start_index=5, end_index=12, reverse=True, batch_size=2
    )[1]
    assert x[..., 0].tolist() == [[11, 10, 9]]
    assert y.tolist() == [[12]]
    assert '"length": 10' in windows.to_json()
    with pytest.raises(InvalidArgumentError, match="no window fits"):
        sequence.TimeseriesGenerator(series, series, 50)
    with pytest.raises(DataError, match="equally long"):
        sequence.TimeseriesGenerator(series, series[1:], 5)


def test_texts_become_words_and_words_numbers():
    assert text.text_to_word_sequence("Hello, World! it's") == ["hello", "world", "it's"]
    assert text.text_to_word_sequence("A,b", lower=False, filters=",", split="b") == ["A"]
    assert text.hashing_trick("the cat sat", 10, "md5") == [6, 3, 1]
    assert all(1 <= number < 5 for number in text.one_hot("a b c d e f", 5))


TEXTS = ["The cat sat on the mat", "The dog sat", "a bird"]


def fitted(**arguments):
    tokenizer = text.Tokenizer(**arguments)
    tokenizer.fit_on_texts(TEXTS)
    return tokenizer


def test_words_are_numbered_by_how_frequent_they_are():
    tokenizer = fitted()
    assert list(tokenizer.word_index) == ["the", "sat", "cat", "on", "mat", "dog", "a", "bird"]
    assert tokenizer.document_count == 3
    assert tokenizer.word_docs["the"] == 2
    assert tokenizer.texts_to_sequences(["the bird flew", ["CAT"]]) == [[1, 8], [3]]
    assert tokenizer.sequences_to_texts([[1, 8, 99]]) == ["the bird"]
    assert fitted(num_words=3).texts_to_sequences(TEXTS[:1]) == [[1, 2, 1]]
    assert fitted(oov_token="?").texts_to_sequences(["the bird flew"]) == [[2, 9, 1]]
    assert fitted(oov_token="?", num_words=3).sequences_to_texts([[2, 3]]) == ["the ?"]
    assert fitted(char_level=True).word_index["t"] == 2
    assert '"word_counts"' in tokenizer.to_json()


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("binary", [0, 1, 1, 0]),
        ("count", [0, 2, 1, 0]),
        ("freq", [0, 2 / 3, 1 / 3, 0]),
        ("tfidf", [0, 1.17360, 0.69315, 0]),
    ],
)
def test_texts_become_rows_of_a_matrix(mode, wanted):
    found = fitted(num_words=4).texts_to_matrix(["the sat the"], mode)
    np.testing.assert_allclose(found, [wanted], atol=1e-5)


def test_wrong_use_of_a_tokenizer_is_explained():
    with pytest.raises(InvalidArgumentError, match="mode must be"):
        fitted().texts_to_matrix(TEXTS, "other")
    with pytest.raises(InvalidArgumentError, match="fit_on_texts first"):
        text.Tokenizer().sequences_to_matrix([[1]])
    with pytest.raises(InvalidArgumentError, match="tfidf"):
        text.Tokenizer(3).sequences_to_matrix([[1]], "tfidf")
    with pytest.warns(UserWarning, match="renamed `num_words`"):
        assert text.Tokenizer(nb_words=3).num_words == 3
    with pytest.raises(TypeError, match="does not know"):
        text.Tokenizer(words=3)


def test_images_are_changed_at_random_and_read_in_batches(tmp_path):
    pytest.importorskip("keras_preprocessing")
    x = np.random.RandomState(0).rand(6, 8, 8, 3).astype("float32")
    generator = image.ImageDataGenerator(rotation_range=20, zoom_range=0.1, horizontal_flip=True)
    images, labels = next(generator.flow(x, np.arange(6), batch_size=4, seed=1))
    assert images.shape == (4, 8, 8, 3)
    assert set(labels) <= set(range(6))
    for number in range(4):
        folder = tmp_path / "ab"[number % 2]
        folder.mkdir(exist_ok=True)
        image.save_img(str(folder / f"{number}.png"), x[number])
    found = image.ImageDataGenerator(rescale=1 / 255).flow_from_directory(
        str(tmp_path), target_size=(4, 4), batch_size=3
    )
    assert next(found)[0].shape == (3, 4, 4, 3)
    assert image.img_to_array(image.load_img(str(tmp_path / "a" / "0.png"))).shape == (8, 8, 3)
    backend.set_image_data_format("channels_first")
    try:
        assert image.img_to_array(image.array_to_img(x[0].transpose(2, 0, 1))).shape == (3, 8, 8)
    finally:
        backend.set_image_data_format("channels_last")


def test_iterators_over_images_are_sequences_of_batches():
    x, y = np.arange(10 * 4 * 4).reshape(10, 4, 4, 1) / 160.0, np.arange(10) % 2
    batches = image.ImageDataGenerator(rescale=2.0).flow(x, y, batch_size=4, shuffle=False)
    assert isinstance(batches, Sequence)
    assert len(batches) == 3
    np.testing.assert_allclose(batches[2][0], 2 * x[8:], rtol=1e-6)
    model = Sequential([layers.Flatten(input_shape=(4, 4, 1)), layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = []
    count = LambdaCallback(on_batch_end=lambda batch, logs: seen.append(logs["size"]))
    model.fit_generator(batches, epochs=2, workers=2, callbacks=[count], verbose=0)
    assert sorted(seen) == [2, 2, 4, 4, 4, 4]
    np.testing.assert_allclose(model.predict_generator(batches), model.predict(2 * x), rtol=1e-4, atol=1e-5)
    with pytest.raises(TypeError, match="multiple values"):
        image.NumpyArrayIterator(x, y, None, x=x)


def test_without_the_library_images_say_what_to_install(monkeypatch):
    image._names.cache_clear()
    monkeypatch.setattr(image, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"keras-preprocessing==1\.1\.2"):
        image.ImageDataGenerator  # noqa: B018
    with pytest.raises(AttributeError):
        image.Nothing  # noqa: B018
