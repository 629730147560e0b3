#include "experiments/store/statistics_file.h"

#include "core/types/collect_statistics.h"
#include "core/types/error.h"

#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include <cmath>
#include <fstream>

using namespace bitlathe;

namespace {

core::Statistics statistics() {
    core::Statistics result;
    result.modelHash = "model";
    result.dataHash = "data";
    core::SiteStatistics site =
        core::collectStatistics(std::vector<float>{-1, 0, 2, 3.5F, 0, 1e-3F}, 1, 2, 3);
    site.samples = 3;
    site.sumOfSampleMinima = -1.25;
    site.sumOfSampleMaxima = 6;
    site.sumOfSampleMagnitudes = 7;
    result.sites[{core::LayerId("a.conv"), core::SiteKind::Output}] = site;
    result.sites[{core::LayerId("a.conv"), core::SiteKind::Weight}] =
        core::collectStatistics(std::vector<float>{1, 2}, 1, 1, 2);
    return result;
}

QByteArray read(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QString failure(const QString& path) {
    try {
        experiments::loadStatistics(path.toStdString());
    } catch (const core::Error& error) {
        return error.what();
    }
    return "nothing was thrown";
}

}  // namespace

class TestStatisticsFile : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsBackExactly() {
        const QTemporaryDir folder;
        const std::string path = folder.filePath("a.stats").toStdString();
        const core::Statistics written = statistics();
        experiments::saveStatistics(written, path);
        const core::Statistics read = experiments::loadStatistics(path);
        QCOMPARE(read.modelHash, written.modelHash);
        QCOMPARE(read.dataHash, written.dataHash);
        QCOMPARE(read.sites.size(), written.sites.size());
        for (const auto& [id, site] : written.sites) {
            const core::SiteStatistics* const back = read.find(id);
            QVERIFY(back != nullptr);
            QCOMPARE(back->count, site.count);
            QCOMPARE(back->sumOfSampleMagnitudes, site.sumOfSampleMagnitudes);
            QVERIFY(back->channelRanges == site.channelRanges);
            QCOMPARE(back->channels.size(), site.channels.size());
            for (std::size_t c = 0; c < site.channels.size(); ++c) {
                QCOMPARE(back->channels[c].sum, site.channels[c].sum);
                QCOMPARE(back->channels[c].histogram.counts(), site.channels[c].histogram.counts());
                QCOMPARE(back->channels[c].histogram.zeros(), site.channels[c].histogram.zeros());
            }
            QCOMPARE(back->histogram.counts(), site.histogram.counts());
        }
    }

    void badFilesSayWhatIsWrong() {
        const QTemporaryDir folder;
        const QString path = folder.filePath("a.stats");
        QVERIFY(failure(path).contains("cannot be read"));
        experiments::saveStatistics(statistics(), path.toStdString());
        const QByteArray good = read(path);
        const auto attempt = [&](const QByteArray& bytes) {
            std::ofstream(path.toStdString(), std::ios::binary).write(bytes.data(), bytes.size());
            return failure(path);
        };
        QVERIFY(attempt("").contains("is not a file of Bitlathe statistics"));
        QVERIFY(attempt("{}").contains("is not a file of Bitlathe statistics"));
        QVERIFY(attempt(QByteArray(good).replace("statistics\n1\n", "statistics\n9\n"))
                    .contains("has version 9"));
        QVERIFY(attempt(good.left(good.size() / 2)).contains("is damaged"));
        for (const int at : {30, int(good.size()) / 2, int(good.size()) - 1}) {
            QByteArray bad = good;
            bad[at] = static_cast<char>(bad[at] ^ 1);
            QVERIFY2(attempt(bad).contains("damaged"), qPrintable(failure(path)));
        }
        QVERIFY(attempt(good) == "nothing was thrown");
    }

    /// Well-formed, with the right checksum: what observers could not bear is refused by the site's name.
    void impossibleStatisticsAreRefused_data() {
        QTest::addColumn<int>("which");
        const char* const names[] = {"minimum NaN",   "infinite sum",       "range upside down",
                                     "channel NaN",   "bins far from zero", "bins below zero alone",
                                     "bins too wide", "channel's bins"};
        for (int i = 0; i < 8; ++i) {
            QTest::newRow(names[i]) << i;
        }
    }
    void impossibleStatisticsAreRefused() {
        QFETCH(int, which);
        core::Statistics made = statistics();
        core::SiteStatistics& site = made.sites.at({core::LayerId("a.conv"), core::SiteKind::Output});
        const core::Histogram far(0, std::int64_t{1} << 60, {1, 2}, 0);
        switch (which) {
        case 0:
            site.minimum = std::nan("");
            break;
        case 1:
            site.sumOfSquares = HUGE_VAL;
            break;
        case 2:
            site.batchRanges = {{1, 0}};
            break;
        case 3:
            site.channels.at(1).sum = std::nan("");
            break;
        case 4:
            site.histogram = far;
            break;
        case 5:
            site.histogram = core::Histogram(0, -10, {1, 2}, 0);
            break;
        case 6:
            site.histogram = core::Histogram(1024, 0, {1, 2}, 0);
            break;
        default:
            site.channels.at(0).histogram = far;
        }
        const QTemporaryDir folder;
        const QString path = folder.filePath("a.stats");
        experiments::saveStatistics(made, path.toStdString());
        const QString text = failure(path);
        QVERIFY2(text.contains("a.conv") && text.contains("no calibration gives"), qPrintable(text));
    }
};

QTEST_APPLESS_MAIN(TestStatisticsFile)
#include "test_statistics_file.moc"
