#include "tests/app/program.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonObject>
#include <QtTest>

#include <algorithm>

using namespace bitlathe;
using bitlathe::tests::CommandLineFolder;
using bitlathe::tests::ProgramResult;

namespace {

const char* const kRecipe = R"({
    "schema_version": 1, "name": "small",
    "model": {"file": "net.pt"}, "data": {"pad": 2}, "device": "stm32f411re",
    "variants": [
        {"name": "float", "config": {}},
        {"name": "W8A8", "config": {"input": {"bits": 8}, "defaults": {
            "weight": {"bits": 8, "quantizer": "symmetric", "granularity": "channel"}, "output": {"bits": 8}}}}],
    "stages": [{"stage": "calibrate", "split": "test", "samples": 64}, {"stage": "evaluate", "samples": 200}]})";

const QString kMobileNet = "zoo:mobilenet_v1,width=0.25,size=32,channels=1,classes=10";

QJsonObject goldenCase(const QString& name) {
    QFile file(BITLATHE_SOURCE_DIR "/tests/golden/memory_driven.json");
    if (!file.open(QIODevice::ReadOnly)) {
        return {};
    }
    const QJsonArray cases = QJsonDocument::fromJson(file.readAll()).object()["cases"].toArray();
    const auto found = std::find_if(cases.begin(), cases.end(), [&](const QJsonValue& one) {
        return one["name"].toString() == name || one["id"].toString() == name;
    });
    return found == cases.end() ? QJsonObject() : found->toObject();
}

}  // namespace

/// `bitlathe-cli fit` as a program; the search itself is test_memory_driven's, test_bit_search's and test_fit_bits'.
class TestFitVerb : public QObject {
    Q_OBJECT

private:
    const CommandLineFolder m_folder{kRecipe};

    ProgramResult fit(const QStringList& arguments) const {
        return m_folder.run(QStringList{"fit"} + arguments);
    }
    QJsonObject fitJson(const QStringList& arguments, int exitCode) const {
        const ProgramResult result = fit(arguments + QStringList{"--json"});
        if (result.exitCode != exitCode) {
            qWarning("exit code %d: %s", result.exitCode, result.errors.constData());
            return {};
        }
        return result.json().object();
    }

private Q_SLOTS:
    void theReferencesBits_data() {
        QTest::addColumn<QString>("method");
        QTest::addColumn<QString>("mode");
        QTest::newRow("MixPL") << "mix_pl"
                               << "MixPL";
        QTest::newRow("MixPC") << "mix_pc"
                               << "MixPC";
    }
    /// MobileNetV1 1.0/224 into 2,048,000 and 512,000 bytes: every bit and scheme of the reference.
    void theReferencesBits() {
        QFETCH(QString, method);
        QFETCH(QString, mode);
        const QJsonObject golden = goldenCase("mobilenet_v1_1.0_224_" + mode + "_rom2048000_ram512000");
        QVERIFY(!golden.isEmpty());
        const QJsonObject expected = golden["expected"].toObject();
        const QJsonObject made = fitJson(
            {"zoo:mobilenet_v1,width=1,size=224", "--rom", "2048000", "--ram", "512000", "--method", method},
            0);
        QVERIFY(made["fits"].toBool());
        QCOMPARE(made["method"].toString(), method);
        constexpr double kPool = 16;  // the average pool's parameters, which the reference leaves out
        QCOMPARE(made["rom_bytes"].toDouble(), expected["rom_bytes"].toDouble() + kPool);
        QCOMPARE(made["ram_bytes"].toDouble(), expected["ram_bytes"].toDouble());
        QJsonArray weights;
        QJsonArray outputs;
        for (const QJsonValue& layer : made["layers"].toArray()) {
            if (layer.toObject().contains("weight_bits")) {
                weights.append(layer["weight_bits"]);
                outputs.append(layer["output_bits"]);
            }
        }
        QCOMPARE(weights.size(), qsizetype{28});
        QCOMPARE(weights, expected["w_bits"].toArray());
        QCOMPARE(outputs, expected["act_out_bits"].toArray());
        // The formulas' ROM is what the layers' parts add up to, and the C export's figures stand beside it.
        const QJsonObject split = made["rom_split"].toObject();
        QCOMPARE(split["weights"].toInt() + split["requantization"].toInt() + split["tables"].toInt(),
                 made["rom_bytes"].toInt());
        const QJsonObject exported = made["as_c"].toObject();
        QVERIFY2(!exported.contains("refusal"), qPrintable(exported["refusal"].toString()));
        QCOMPARE(exported["rom_split"]["weights"].toInt(), split["weights"].toInt());
        QCOMPARE(exported["layers"].toArray().size(), qsizetype{29});  // the pool, too
        QVERIFY(!exported["is_calibrated"].toBool());
    }

    void nothingFits_data() {
        QTest::addColumn<QStringList>("limits");
        QTest::addColumn<QString>("layer");
        QTest::addColumn<QStringList>("words");
        // 77,528 B at 2 bits: 210,016 weights; most of it in the last pointwise layer.
        for (const char* method : {"mix_pl", "mix_pc", "ilp", "greedy"}) {
            QTest::addRow("ROM, %s", method)
                << QStringList{"--rom", "20000", "--ram", "1000000", "--method", method}
                << "blocks.13.pointwise.conv" << QStringList{"ROM", "20000"};
            // 16 x 16 x 16 at 2 bits read, 1,024 values of the image at 8: the first layers bind.
            QTest::addRow("RAM, %s", method)
                << QStringList{"--rom", "1000000", "--ram", "500", "--method", method} << ""
                << QStringList{"RAM", "500"};
        }
    }
    /// Exit code 1, the layer in the way by name.
    void nothingFits() {
        QFETCH(QStringList, limits);
        QFETCH(QString, layer);
        QFETCH(QStringList, words);
        const QJsonObject made = fitJson(QStringList{kMobileNet} + limits, 1);
        QVERIFY(!made.isEmpty());
        QVERIFY(!made["fits"].toBool());
        const QString binding = made["binding_layer"].toString();
        QVERIFY(!binding.isEmpty());
        QVERIFY2(layer.isEmpty() || binding == layer, qPrintable(binding));
        const QString verdict = made["verdict"].toString();
        QVERIFY2(verdict.contains("does not fit") && verdict.contains(binding), qPrintable(verdict));
        for (const QString& word : words) {
            QVERIFY2(verdict.contains(word), qPrintable(verdict));
        }
    }

    void nothingFitsInText() {
        const ProgramResult result = fit({kMobileNet, "--rom", "20000", "--ram", "1000000"});
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.output.contains("does not fit: ") &&
                     result.output.contains("blocks.13.pointwise.conv (16384 B)"),
                 result.output.constData());
    }

    void badInput_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("word");
        const auto row = [](const char* name, const QStringList& arguments, const char* word) {
            QTest::newRow(name) << arguments << word;
        };
        const QStringList limits{kMobileNet, "--rom", "200000", "--ram", "20000"};
        row("no limits", {kMobileNet}, "--device");
        row("ROM alone", {kMobileNet, "--rom", "200000"}, "--ram");
        row("a ROM of less than nothing", {kMobileNet, "--rom", "-1", "--ram", "20000"}, "--rom");
        row("a ROM beyond any chip", {kMobileNet, "--rom", "9223372036854775807", "--ram", "20000"}, "--rom");
        row("images beyond any memory",
            QStringList{kMobileNet, "--rom", "200000", "--ram", "20000", "--input", "1,1048576,1048576"},
            "2^31");
        row("a decimal comma", {"zoo:mobilenet_v1,width=0,5", "--rom", "1", "--ram", "1"}, "name=number");
        row("no such device", {kMobileNet, "--device", "stm32f411rx"}, "stm32f411re");
        row("no such method", limits + QStringList{"--method", "luck"}, "mix_pl");
        row("no such RAM model", limits + QStringList{"--ram-model", "heap"}, "lifetimes");
        row("no such measure", limits + QStringList{"--measure", "taste"}, "sqnr");
        row("9 bits", limits + QStringList{"--bits", "9,4"}, "9");
        row("1 bit", limits + QStringList{"--weight-bits", "4,1"}, "1");
        row("a width twice", limits + QStringList{"--bits", "4,4"}, "4");
        row("banks without an arena", limits + QStringList{"--all-banks"}, "arena");
        row("no such network", {"zoo:mobilenet_v9", "--rom", "200000", "--ram", "20000"}, "mobilenet_v1");
        row("no such file", {"absent.pt", "--rom", "200000", "--ram", "20000"}, "absent.pt");
        row("no such variant", {"small.json", "--variant", "W9"}, "W8A8");
        row("nothing at all", {}, "MODEL");
    }
    void badInput() {
        QFETCH(QStringList, arguments);
        QFETCH(QString, word);
        const ProgramResult result = fit(arguments);
        QVERIFY2(result.exitCode == 2, result.errors.constData());
        QVERIFY2(result.errors.contains(word.toUtf8()), result.errors.constData());
        QVERIFY(result.output.isEmpty());
    }

    void freeChoiceOfBits_data() {
        QTest::addColumn<QString>("method");
        for (const char* method : {"mix_pl", "mix_pc", "ilp", "greedy"}) {
            QTest::newRow(method) << method;
        }
    }
    void freeChoiceOfBits() {
        QFETCH(QString, method);
        const QJsonObject made = fitJson({kMobileNet, "--rom", "150000", "--ram", "15000", "--method", method,
                                          "--weight-bits", "3,7,5", "--activation-bits", "6,8,2"},
                                         0);
        QVERIFY(made["fits"].toBool());
        QSet<int> weights;
        for (const QJsonValue& layer : made["layers"].toArray()) {
            const int weight = layer["weight_bits"].toInt(7);
            weights.insert(weight);
            QVERIFY2((QSet<int>{3, 5, 7}.contains(weight)), qPrintable(layer["id"].toString()));
            QVERIFY((QSet<int>{2, 6, 8}.contains(layer["output_bits"].toInt(8))));
        }
        QVERIFY(weights.size() > 1);
    }

    void bitOperationsAreALimit() {
        // A network whose products the solver settles at once: on the MobileNet its time runs out.
        const QStringList plain{"zoo:resnet8", "--rom", "1000000", "--ram", "100000", "--method", "ilp"};
        const QJsonObject wide = fitJson(plain, 0);
        const auto most = static_cast<qint64>(wide["bit_operations"].toDouble());
        QVERIFY(most > 0);
        const QJsonObject narrow =
            fitJson(plain + QStringList{"--bit-operations", QString::number(most / 2)}, 0);
        QVERIFY(narrow["bit_operations"].toDouble() <= static_cast<double>(most / 2));
        QVERIFY(narrow["is_optimal"].toBool());
        QVERIFY(narrow["cost"].toDouble() > wide["cost"].toDouble());
        QVERIFY(narrow["rom_bytes"].toInt() < wide["rom_bytes"].toInt());
        QCOMPARE(fit(plain + QStringList{"--bit-operations", "1000"}).exitCode, 1);
    }

    /// 160 x 160: the largest pair of tensors is more than the STM32F407's SRAM holds, its CCM takes one of them.
    void allBanks() {
        const QStringList plain{"zoo:mobilenet_v1,width=0.25,size=160",
                                "--device",
                                "stm32f407vg",
                                "--ram-model",
                                "arena",
                                "--bits",
                                "8"};
        const QJsonObject one = fitJson(plain, 1);
        QVERIFY(!one["fits"].toBool());
        QCOMPARE(one["ram_limit_bytes"].toInt(), 131072);
        const QJsonObject both = fitJson(plain + QStringList{"--all-banks"}, 0);
        QVERIFY(both["fits"].toBool());
        QCOMPARE(both["ram_limit_bytes"].toInt(), 131072 + 65536);
        qint64 ends[2] = {0, 0};
        for (const QJsonValue& buffer : both["arena"]["buffers"].toArray()) {
            const int bank = buffer["bank"].toInt();
            QVERIFY(bank == 0 || bank == 1);
            const qint64 offset = buffer["offset"].toInteger();
            QVERIFY(offset >= 0);
            ends[bank] = std::max(ends[bank], offset + buffer["bytes"].toInteger());
        }
        QVERIFY(ends[0] > 0 && ends[0] <= 131072);
        QVERIFY(ends[1] > 0 && ends[1] <= 65536);
    }

    void aRecipesData() {
        const QJsonObject made =
            fitJson({"small.json", "--rom", "1000000", "--ram", "1000000", "--samples", "32"}, 0);
        QVERIFY(made["fits"].toBool());
        QVERIFY2(made["costs_from"].toString().contains("kl measured on 32 images"),
                 qPrintable(made["costs_from"].toString()));
        QVERIFY(made["method"].toString() == "ilp" || made["method"].toString() == "greedy");
        QVERIFY(made["as_c"]["is_calibrated"].toBool());
        QVERIFY(made["as_c"]["arena_bytes"].toInt() > 0);
    }

    void textSaysWhichFigureIsWhich() {
        const ProgramResult result = fit({kMobileNet, "--device", "stm32g071rb"});
        QCOMPARE(result.exitCode, 0);
        for (const char* words :
             {"ROM     weights ", "RAM     peak in ", "as C    ROM weights ", "RAM arena ",
              "as exported in C: ROM ", "ranges assumed, for want of data"}) {
            QVERIFY2(result.output.contains(words), result.output.constData());
        }
    }

    void theFront() {
        const QJsonObject made =
            fitJson({kMobileNet, "--device", "stm32g071rb", "--method", "ilp", "--pareto"}, 0);
        const QJsonArray front = made["pareto"].toArray();
        QVERIFY(front.size() > 3);
        for (const QJsonValue& a : front) {
            for (const QJsonValue& b : front) {
                const auto less = [&](const char* key) { return a[key].toDouble() < b[key].toDouble(); };
                QVERIFY(!(less("cost") && less("rom_bytes") && less("ram_bytes")));
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestFitVerb)
#include "test_fit_verb.moc"
