#include "tests/support/patience.h"
#include "tests/support/screenshot.h"
#include "ui/models/log_filter_model.h"
#include "ui/models/log_sink.h"
#include "ui/panels/log_panel.h"

#include <spdlog/spdlog.h>

#include <QAbstractItemModelTester>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QScrollBar>
#include <QSignalSpy>
#include <QTableView>
#include <QtTest>

#include <thread>

using namespace bitlathe::ui;

namespace {

std::vector<LogLine> madeUpLines(int count) {
    std::vector<LogLine> lines;
    for (int i = 0; i < count; ++i) {
        lines.push_back({QDateTime::currentDateTimeUtc(), static_cast<LogLevel>(i % 4),
                         QStringLiteral("line %1").arg(i)});
    }
    return lines;
}

}  // namespace

class TestLogPanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() {
        applyTheme(ThemeChoice::Light);
        spdlog::default_logger()->sinks().clear();  // the test's own output stays readable
        spdlog::set_level(spdlog::level::debug);
    }

    void ringKeepsTheNewest() {
        LogModel model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.append(madeUpLines(LogModel::kMaxLines - 1));
        model.append(madeUpLines(3));
        QCOMPARE(model.rowCount(), LogModel::kMaxLines);
        QCOMPARE(model.lineAt(0).text, QStringLiteral("line 2"));
        QCOMPARE(model.lineAt(LogModel::kMaxLines - 1).text, QStringLiteral("line 2"));
        model.append(madeUpLines(LogModel::kMaxLines + 5));
        QCOMPARE(model.rowCount(), LogModel::kMaxLines);
        QCOMPARE(model.lineAt(0).text, QStringLiteral("line 5"));
        model.clear();
        QCOMPARE(model.rowCount(), 0);
    }

    void messagesCrossThreadsInOrder() {
        LogModel model;
        LogFeed feed(model);
        feed.install();
        constexpr int kLines = 2000;
        std::thread worker([] {
            for (int i = 0; i < kLines; ++i) {
                spdlog::info("message {}", i);
            }
        });
        worker.join();
        QCOMPARE(model.rowCount(), 0);  // nothing touches the model but its own thread
        QTRY_COMPARE_WITH_TIMEOUT(model.rowCount(), kLines, bitlathe::tests::kPatienceMs);
        for (int i = 0; i < kLines; ++i) {
            QCOMPARE(model.lineAt(i).text, QStringLiteral("message %1").arg(i));
        }
    }

    void qtMessagesArriveWithTheirLevel() {
        LogModel model;
        LogFeed feed(model);
        feed.install();
        qWarning("no such icon");
        spdlog::error("two\nlines");
        QTRY_COMPARE_WITH_TIMEOUT(model.rowCount(), 3, bitlathe::tests::kPatienceMs);
        QCOMPARE(model.lineAt(0).level, LogLevel::Warning);
        QCOMPARE(model.lineAt(0).text, QStringLiteral("no such icon"));
        QCOMPARE(model.lineAt(2).level, LogLevel::Error);
        QCOMPARE(model.lineAt(2).text, QStringLiteral("lines"));
    }

    void loggingGoesOnAfterTheFeedIsGone() {
        LogModel model;
        {
            LogFeed feed(model);
            feed.install();
            spdlog::info("lost on the way");
        }
        spdlog::info("to nobody");
        QCoreApplication::processEvents();
        QCOMPARE(model.rowCount(), 0);
    }

    void filtersByLevelAndText() {
        LogModel model;
        LogFilterModel filter;
        filter.setSourceModel(&model);
        const QAbstractItemModelTester tester(&filter,
                                              QAbstractItemModelTester::FailureReportingMode::QtTest);
        model.append(madeUpLines(40));
        filter.setLowestLevel(LogLevel::Warning);
        QCOMPARE(filter.rowCount(), 20);
        filter.setText(QStringLiteral("LINE 1"));
        QCOMPARE(filter.rowCount(), 6);  // 10, 11, 14, 15, 18 and 19
    }

    void panelFollowsUntilSomebodyScrollsUp() {
        LogModel model;
        LogPanel panel(model);
        panel.resize(500, 200);
        panel.show();
        model.append(madeUpLines(200));
        QCoreApplication::processEvents();
        QScrollBar* const bar = panel.table()->verticalScrollBar();
        QTRY_COMPARE_WITH_TIMEOUT(bar->value(), bar->maximum(), bitlathe::tests::kPatienceMs);
        auto* const follow = panel.findChild<QCheckBox*>();
        bar->setValue(10);
        QVERIFY(!follow->isChecked());
        model.append(madeUpLines(50));
        QCoreApplication::processEvents();
        QCOMPARE(bar->value(), 10);
        follow->setChecked(true);
        QTRY_COMPARE_WITH_TIMEOUT(bar->value(), bar->maximum(), bitlathe::tests::kPatienceMs);
    }

    void copiesWhatIsSelectedOrAllThatIsShown() {
        LogModel model;
        LogPanel panel(model);
        panel.show();
        model.append(madeUpLines(8));
        panel.findChild<QComboBox*>()->setCurrentIndex(3);  // errors
        panel.copySelection();
        QCOMPARE(QGuiApplication::clipboard()->text().count(QLatin1Char('\n')), 1);
        QVERIFY(QGuiApplication::clipboard()->text().endsWith(QStringLiteral("error line 7")));
        panel.table()->selectRow(0);
        panel.copySelection();
        QVERIFY(QGuiApplication::clipboard()->text().endsWith(QStringLiteral("error line 3")));
    }

    void saysWhyItIsEmpty() {
        LogModel model;
        LogPanel panel(model);
        panel.show();
        const auto shown = [&](const QString& text) {
            const auto labels = panel.findChildren<QLabel*>();
            return std::any_of(labels.begin(), labels.end(), [&](const QLabel* label) {
                return label->isVisible() && label->text().contains(text);
            });
        };
        QVERIFY(shown(QStringLiteral("Nothing logged yet")));
        model.append(madeUpLines(3));
        QVERIFY(!shown(QStringLiteral("Nothing logged yet")));
        panel.findChild<QLineEdit*>()->setText(QStringLiteral("absent"));
        QVERIFY(shown(QStringLiteral("No line matches")));
    }

    void looks() {
        LogModel model;
        LogPanel panel(model);
        const QDateTime now = QDateTime::currentDateTimeUtc();
        model.append(
            {{now, LogLevel::Info, "engine ready after 312 ms: LibTorch 1.13.1, OpenBLAS, AVX2, 2 threads"},
             {now, LogLevel::Info, "job 'mobilenet_v1_025.pt' started"},
             {now, LogLevel::Debug, "folded 27 batch norms"},
             {now, LogLevel::Info, "job 'mobilenet_v1_025.pt' done in 402 ms"},
             {now, LogLevel::Warning,
              "layer blocks.3.depthwise.conv: channel ranges differ by a factor of 211"},
             {now, LogLevel::Error, "job 'demo' failed: t10k-images-idx3-ubyte.gz ends after 1,024 bytes"}});
        QVERIFY(bitlathe::tests::takeScreenshots(panel, QStringLiteral("log"), {1010, 250}));
    }
};

QTEST_MAIN(TestLogPanel)
#include "test_log_panel.moc"
