#include <string>

#include "ui/dialogs/integer_report_dialog.h"
#include "ui/models/integer_report_model.h"

#include <QAbstractItemModelTester>
#include <QTableView>
#include <QTest>

using namespace bitlathe;
using namespace bitlathe::ui;

class TestIntegerReport final : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rowsTellWhatDiffersAndWhy() {
        IntegerReportModel model(comparison().layers);
        QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        QCOMPARE(model.rowCount(), 3);
        const auto text = [&](int row, int column) { return model.index(row, column).data().toString(); };
        QCOMPARE(text(0, IntegerReportModel::Compared), QStringLiteral("8,192,000"));
        QCOMPARE(text(0, IntegerReportModel::Differing), QStringLiteral("26"));
        QCOMPARE(text(0, IntegerReportModel::Largest), QStringLiteral("1"));
        QCOMPARE(text(0, IntegerReportModel::Accumulated), QStringLiteral("31"));
        QVERIFY(text(0, IntegerReportModel::Explanation).contains(QStringLiteral("float32")));
        QVERIFY(text(0, IntegerReportModel::Explanation).contains(QStringLiteral("2.0e-06")));
        QCOMPARE(text(1, IntegerReportModel::Largest), QStringLiteral("–"));
        QVERIFY(text(1, IntegerReportModel::Explanation).contains(QStringLiteral("power of two")));
        QVERIFY(text(2, IntegerReportModel::Explanation).startsWith(QStringLiteral("2 not by float32")));
    }

    void dialogSumsUp() {
        experiments::IntegerComparison explained = comparison();
        explained.layers.pop_back();
        const IntegerReportDialog dialog(explained, "W8A8");
        QVERIFY(dialog.accuracies().contains(QStringLiteral("integer\t90.48 %\t95 %: 89.89 to 91.04")));
        QVERIFY2(dialog.verdict().contains(QStringLiteral("26 of 12,288,000 codes")),
                 qPrintable(dialog.verdict()));
        QVERIFY(dialog.verdict().contains(QStringLiteral("float32")));
        QCOMPARE(dialog.table()->model()->rowCount(), 2);
        QCOMPARE(dialog.asText().count(QLatin1Char('\n')), 1 + 3 + 1 + 1 + 2);
        const IntegerReportDialog other(comparison(), "W8A8");
        QVERIFY2(other.verdict().contains(QStringLiteral("2 of them not explained")),
                 qPrintable(other.verdict()));
    }

private:
    static experiments::IntegerComparison comparison() {
        experiments::IntegerComparison result;
        result.floating = {"float_top1", 91.85, "%", 10'000, 91.30, 92.37};
        result.simulated = {"top1", 90.49, "%", 10'000, 89.90, 91.05};
        result.integer = {"integer_top1", 90.48, "%", 10'000, 89.89, 91.04};
        result.comparedImages = 1000;
        core::LayerAgreement rounding;
        rounding.layer = core::LayerId("stem.conv");
        rounding.compared = 8'192'000;
        rounding.differing = rounding.explained = 26;
        rounding.accumulated = 31;
        rounding.largestDifference = 1;
        rounding.largestMargin = 1e-6;
        rounding.largestBound = 2e-6;
        core::LayerAgreement exact;
        exact.layer = core::LayerId("blocks.1.pointwise.conv");
        exact.compared = 4'096'000;
        exact.isExact = true;
        core::LayerAgreement odd = rounding;
        odd.layer = core::LayerId("classifier");
        odd.compared = 10'000;
        odd.differing = 5;
        odd.explained = 3;
        result.layers = {rounding, exact, odd};
        return result;
    }
};

QTEST_MAIN(TestIntegerReport)
#include "test_integer_report.moc"
