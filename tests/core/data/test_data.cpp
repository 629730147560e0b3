#include "core/data/batches.h"
#include "core/data/idx_dataset.h"
#include "core/types/error.h"

#include <QtTest>

#include <zlib.h>

#include <algorithm>
#include <set>

using namespace bitlathe::core;

namespace {

QByteArray header(quint32 magic, const std::vector<quint32>& sizes) {
    QByteArray bytes;
    const auto append = [&bytes](quint32 value) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            bytes.append(static_cast<char>(value >> shift));
        }
    };
    append(magic);
    for (const quint32 size : sizes) {
        append(size);
    }
    return bytes;
}

void writeGzip(const QString& path, const QByteArray& content) {
    gzFile file = gzopen(path.toUtf8().constData(), "wb");
    gzwrite(file, content.constData(), static_cast<unsigned>(content.size()));
    gzclose(file);
}

void writePlain(const QString& path, const QByteArray& content) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(content);
}

/// `count` images of 2×3 whose pixels count up, labels 0, 1, 0, 1, ...
struct Fixture {
    explicit Fixture(int count) {
        QByteArray pixels;
        QByteArray labels;
        for (int i = 0; i < count * 6; ++i) {
            pixels.append(static_cast<char>(i));
        }
        for (int i = 0; i < count; ++i) {
            labels.append(static_cast<char>(i % 2));
        }
        writeGzip(images(), header(0x803, {static_cast<quint32>(count), 2, 3}) + pixels);
        writeGzip(labelFile(), header(0x801, {static_cast<quint32>(count)}) + labels);
    }
    QString images() const { return folder.filePath("images.gz"); }
    QString labelFile() const { return folder.filePath("labels.gz"); }
    std::shared_ptr<const Dataset> open() const {
        return std::make_shared<IdxDataset>("test", images().toStdString(), labelFile().toStdString(),
                                            std::vector<std::string>{"even", "odd"});
    }
    QTemporaryDir folder;
};

QString failure(const Fixture& fixture) {
    try {
        fixture.open();
    } catch (const Error& error) {
        return QString::fromUtf8(error.what());
    }
    return {};
}

}  // namespace

class TestData : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsWhatWasWritten() {
        const Fixture fixture(5);
        const auto data = fixture.open();
        QCOMPARE(data->size(), std::int64_t{5});
        QCOMPARE(data->sampleShape(), (Shape{1, 2, 3}));
        QCOMPARE(data->label(3), 1);
        std::vector<std::uint8_t> pixels(6);
        data->pixels(2, pixels);
        QCOMPARE(pixels, (std::vector<std::uint8_t>{12, 13, 14, 15, 16, 17}));
    }

    void plainFilesWorkToo() {
        const Fixture fixture(1);
        writePlain(fixture.images(), header(0x803, {1, 2, 3}) + QByteArray("abcdef"));
        std::vector<std::uint8_t> pixels(6);
        fixture.open()->pixels(0, pixels);
        QCOMPARE(pixels[5], std::uint8_t{'f'});
    }

    void damageIsNamed_data() {
        QTest::addColumn<QString>("what");
        QTest::addColumn<QString>("expected");
        QTest::newRow("missing") << "missing"
                                 << "cannot open data file";
        QTest::newRow("truncated gzip") << "truncated gzip"
                                        << "is damaged after";
        QTest::newRow("short content") << "short content"
                                       << "announces";
        QTest::newRow("wrong magic") << "wrong magic"
                                     << "not an IDX file of images";
        QTest::newRow("empty") << "empty"
                               << "not an IDX file of images";
        QTest::newRow("other count") << "other count"
                                     << "do not belong together";
        QTest::newRow("label beyond classes") << "label beyond classes"
                                              << "beyond the 2 classes";
    }
    void damageIsNamed() {
        QFETCH(QString, what);
        QFETCH(QString, expected);
        const Fixture fixture(400);
        if (what == "missing") {
            QFile::remove(fixture.images());
        } else if (what == "truncated gzip") {
            QFile file(fixture.images());
            QVERIFY(file.resize(file.size() / 2));
        } else if (what == "short content") {
            writeGzip(fixture.images(), header(0x803, {400, 2, 3}) + QByteArray(5, 'x'));
        } else if (what == "wrong magic") {
            writeGzip(fixture.images(), QByteArray(4000, 'x'));
        } else if (what == "empty") {
            writePlain(fixture.images(), {});
        } else if (what == "other count") {
            writeGzip(fixture.labelFile(), header(0x801, {1}) + QByteArray(1, '\0'));
        } else {
            writeGzip(fixture.labelFile(), header(0x801, {400}) + QByteArray(400, '\x07'));
        }
        const QString message = failure(fixture);
        QVERIFY2(message.contains(expected), qPrintable(message));
        QVERIFY2(message.contains(fixture.folder.path()), qPrintable(message));
    }

    void normalisesAndPads() {
        const Fixture fixture(2);
        DataSpec spec;
        spec.pad = 1;
        spec.mean = {4};
        spec.scale = {2};
        const BatchSource source(fixture.open(), spec, {.batchSize = 2});
        Batch batch;
        source.read(0, batch);
        QCOMPARE(batch.shape, (Shape{2, 1, 4, 5}));
        QCOMPARE(batch.images[0], -2.0F);          // padding is black: (0 - 4) / 2
        QCOMPARE(batch.images[5 + 1], -2.0F);      // pixel 0
        QCOMPARE(batch.images[2 * 5 + 3], 0.5F);   // pixel 5
        QCOMPARE(batch.images[20 + 5 + 1], 1.0F);  // second image, pixel 6
        QCOMPARE(batch.labels, (std::vector<std::int64_t>{0, 1}));
    }

    void lastBatchIsShortOrDropped() {
        const Fixture fixture(5);
        const BatchSource all(fixture.open(), {}, {.batchSize = 2});
        QCOMPARE(all.batchCount(), std::int64_t{3});
        Batch batch;
        all.read(2, batch);
        QCOMPARE(batch.labels.size(), std::size_t{1});
        const BatchSource whole(fixture.open(), {}, {.batchSize = 2, .dropLast = true});
        QCOMPARE(whole.batchCount(), std::int64_t{2});
        QCOMPARE(whole.sampleCount(), std::int64_t{4});
    }

    void shufflingIsAPermutationSetBySeedAndEpoch() {
        const Fixture fixture(40);
        const auto firstPixels = [&](std::uint64_t seed, std::int64_t epoch) {
            const BatchSource source(fixture.open(), {}, {.batchSize = 40, .shuffle = Seed{seed}});
            Batch batch;
            source.read(0, batch, epoch);
            std::vector<float> firsts;
            for (std::size_t i = 0; i < 40; ++i) {
                firsts.push_back(batch.images[i * 6]);
            }
            return firsts;
        };
        const auto order = firstPixels(1, 0);
        QCOMPARE(order, firstPixels(1, 0));
        QVERIFY(order != firstPixels(1, 1));
        QVERIFY(order != firstPixels(2, 0));
        QCOMPARE(std::set<float>(order.begin(), order.end()).size(), std::size_t{40});
    }

    void whatOneLeavesOutAnotherBeginsWith() {
        const Fixture fixture(5);
        const auto hashOf = [&](std::int64_t first, std::int64_t samples) {
            return BatchSource(fixture.open(), {},
                               {.batchSize = 2, .firstSample = first, .samples = samples, .shuffle = Seed{3}})
                .hash();
        };
        QVERIFY(hashOf(0, 3) != hashOf(3, 0));
        QCOMPARE(hashOf(0, 0), hashOf(0, 5));
        std::multiset<std::vector<float>> parts;
        std::multiset<std::vector<float>> whole;
        const auto readInto = [&](std::multiset<std::vector<float>>& images, std::int64_t first,
                                  std::int64_t samples) {
            const BatchSource source(
                fixture.open(), {},
                {.batchSize = 1, .firstSample = first, .samples = samples, .shuffle = Seed{3}});
            QCOMPARE(source.sampleCount(), samples);
            Batch batch;
            for (std::int64_t i = 0; i < source.batchCount(); ++i) {
                source.read(i, batch, /*epoch=*/1);
                images.insert(batch.images);
            }
        };
        readInto(whole, 0, 5);
        readInto(parts, 0, 3);
        readInto(parts, 3, 2);
        QVERIFY(parts == whole);
        QVERIFY_EXCEPTION_THROWN(BatchSource(fixture.open(), {}, {.firstSample = 5}), Error);
        QVERIFY_EXCEPTION_THROWN(BatchSource(fixture.open(), {}, {.firstSample = -1}), Error);
    }

    void augmentationMovesAndMirrorsWholeImages() {
        const Fixture fixture(40);
        DataSpec spec;
        spec.mean = {0};
        spec.scale = {1};
        const BatchSource source(
            fixture.open(), spec,
            {.batchSize = 40, .shuffle = Seed{3}, .augmentation = {.horizontalFlip = true}});
        Batch batch;
        source.read(0, batch);
        int flipped = 0;
        for (std::size_t i = 0; i < 40; ++i) {
            const float step = batch.images[i * 6 + 1] - batch.images[i * 6];
            QVERIFY(step == 1.0F || step == -1.0F);
            flipped += step < 0 ? 1 : 0;
        }
        QVERIFY(flipped > 5 && flipped < 35);  // 20 expected of 40 fair draws; 5 has a chance of 1e-6

        const BatchSource shifted(fixture.open(), spec,
                                  {.batchSize = 40, .shuffle = Seed{3}, .augmentation = {.shift = 1}});
        shifted.read(0, batch);
        int black = 0;
        for (std::size_t i = 0; i < 40; ++i) {
            black +=
                std::count(batch.images.begin() + i * 6, batch.images.begin() + i * 6 + 6, 0.0F) >= 2 ? 1 : 0;
        }
        QVERIFY(black > 20);  // 8 of 9 shifts move black in
        Batch again;
        shifted.read(0, again);
        QCOMPARE(again.images, batch.images);
    }

    void hashTellsPreprocessingAndSubsetApart() {
        const Fixture fixture(5);
        const std::string base = BatchSource(fixture.open(), {}, {.batchSize = 2}).hash();
        DataSpec padded;
        padded.pad = 2;
        QVERIFY(BatchSource(fixture.open(), padded, {.batchSize = 2}).hash() != base);
        QVERIFY(BatchSource(fixture.open(), {}, {.batchSize = 2, .samples = 4}).hash() != base);
        QCOMPARE(BatchSource(fixture.open(), {}, {.batchSize = 2}).hash(), base);
    }

    void badSettingsAreRefused() {
        const Fixture fixture(5);
        DataSpec spec;
        spec.scale = {0};
        QVERIFY_EXCEPTION_THROWN(BatchSource(fixture.open(), spec, {}), Error);
        spec.scale = {1, 2};
        QVERIFY_EXCEPTION_THROWN(BatchSource(fixture.open(), spec, {}), Error);
        QVERIFY_EXCEPTION_THROWN(BatchSource(fixture.open(), {}, {.batchSize = 0}), Error);
        QVERIFY_EXCEPTION_THROWN(BatchSource(fixture.open(), {}, {.batchSize = 6, .dropLast = true}), Error);
    }

    void fashionMnistIsWhatItsAuthorsSay() {
        DataSpec spec;
        const auto test = openDataset(spec, DataSplit::Test);
        QCOMPARE(test->size(), std::int64_t{10000});
        std::vector<int> perClass(10, 0);
        for (std::int64_t i = 0; i < test->size(); ++i) {
            ++perClass[static_cast<std::size_t>(test->label(i))];
        }
        QCOMPARE(perClass, std::vector<int>(10, 1000));
        spec.root = "/nonexistent";
        try {
            openDataset(spec, DataSplit::Test);
            QFAIL("no error");
        } catch (const Error& error) {
            QVERIFY(QString::fromUtf8(error.what()).contains("dataset-fashion-mnist"));
        }
    }
};

QTEST_APPLESS_MAIN(TestData)
#include "test_data.moc"
