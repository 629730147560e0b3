#include "experiments/store/experiment_log.h"
#include "tests/app/program.h"
#include "tests/support/patience.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>

#include <csignal>

using namespace bitlathe;
using bitlathe::tests::CommandLineFolder;
using bitlathe::tests::commandLineProgram;
using bitlathe::tests::ProgramResult;

namespace {

const char* const kRecipe = R"({
    "schema_version": 1, "name": "small",
    "model": {"file": "net.pt"}, "data": {"pad": 2}, "device": "stm32f411re",
    "variants": [
        {"name": "float", "config": {}},
        {"name": "W8A8", "config": {"input": {"bits": 8}, "defaults": {"weight": {"bits": 8}, "output": {"bits": 8}}}},
        {"name": "W6A8", "config": {"input": {"bits": 8}, "defaults": {"weight": {"bits": 6}, "output": {"bits": 8}}}}],
    "stages": [{"stage": "calibrate", "split": "test", "samples": 64}, {"stage": "evaluate", "samples": 200, "batch_size": 10}]})";

}  // namespace

class TestCommandLine : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<CommandLineFolder> m_folder;

    QString path(const QString& name) const { return m_folder->path(name); }
    void write(const QString& name, const QByteArray& bytes) const { m_folder->write(name, bytes); }
    ProgramResult cli(const QStringList& arguments) const { return m_folder->run(arguments); }
    /// The runs of a finished recipe execution.
    void runSmall() const {
        const ProgramResult result = cli({"run", "small.json"});
        QVERIFY2(result.exitCode == 0, result.errors.constData());
    }
    std::unique_ptr<experiments::ExperimentLog> openLog() const {
        return experiments::ExperimentLog::open(path("data/bitlathe/experiments.db").toStdString());
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<CommandLineFolder>(kRecipe); }

    void linksNeitherQtNorTorch() {
        QProcess readelf;
        readelf.start("readelf", {"-d", commandLineProgram()});
        QVERIFY2(readelf.waitForFinished(tests::kPatienceMs) && readelf.exitCode() == 0,
                 "readelf (binutils) is needed");
        const QByteArray needed = readelf.readAllStandardOutput();
        QVERIFY(needed.contains("libbitlathe_core"));
        QVERIFY(!needed.contains("Qt"));
        QVERIFY(!needed.contains("torch"));
    }

    void versionAndHelp() {
        QCOMPARE(cli({"--version"}).exitCode, 0);
        QVERIFY(cli({"--version"}).output.startsWith("bitlathe-cli "));
        const ProgramResult help = cli({"--help"});
        QCOMPARE(help.exitCode, 0);
        for (const char* verb : {"inspect", "run", "runs", "export", "devices", "quantizers", "observers"}) {
            QVERIFY2(help.output.contains(verb), verb);
        }
    }

    void badUsageIsTwo_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::newRow("nothing") << QStringList{};
        QTest::newRow("unknown verb") << QStringList{"runn"};
        QTest::newRow("unknown option") << QStringList{"devices", "--jsn"};
        QTest::newRow("no recipe") << QStringList{"run"};
        QTest::newRow("runs alone") << QStringList{"runs"};
        QTest::newRow("run id no number") << QStringList{"runs", "show", "one"};
        QTest::newRow("run id 0") << QStringList{"runs", "show", "0"};
        QTest::newRow("comparing one") << QStringList{"runs", "compare", "1"};
        QTest::newRow("status") << QStringList{"runs", "list", "--status", "done"};
        QTest::newRow("input of two sizes") << QStringList{"inspect", "net.pt", "--input", "1,32"};
        QTest::newRow("export without folder") << QStringList{"export", "1"};
    }
    void badUsageIsTwo() {
        QFETCH(QStringList, arguments);
        const ProgramResult result = cli(arguments);
        QCOMPARE(result.exitCode, 2);
        QVERIFY(!result.errors.isEmpty());
    }

    void badInputIsTwoWithAMessage_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QStringList>("expected");
        const auto row = [](const char* name, const QStringList& arguments, const QStringList& expected) {
            QTest::newRow(name) << arguments << expected;
        };
        row("no such recipe", {"run", "absent.json"}, {"absent.json"});
        row("recipe no JSON", {"run", "net.pt"}, {"net.pt", "not valid JSON"});
        row("typo", {"run", "small.json", "--set", "stages[evaluate].sample=3"},
            {"small.json", "stages[1].sample: unknown key", "did you mean 'samples'?"});
        row("nowhere", {"run", "small.json", "--set", "stages[9].samples=3"}, {"has 2 entries"});
        row("value", {"run", "small.json", "--set", "threads=0"}, {"threads: 0 is not"});
        row("no such model", {"run", "small.json", "--set", "model.file=gone.pt"}, {"gone.pt", "looked for"});
        row("bad model", {"run", "small.json", "--set", "model.file=bad.pt"}, {"bad.pt", "no TorchScript"});
        row("no such device", {"run", "small.json", "--set", "device=stm32f411rx"},
            {"stm32f411rx", "stm32f411re"});
        row("no such data", {"run", "small.json", "--set", "data.root=/nowhere"}, {"/nowhere"});
        row("log no database", {"run", "small.json", "--log", "small.json"},
            {"small.json", "not an experiment log"});
        row("log folder in the way", {"runs", "list", "--log", "net.pt/x.db"}, {"net.pt"});
        row("inspect nothing", {"inspect", "absent.pt"}, {"absent.pt"});
        row("inspect bad", {"inspect", "bad.pt"}, {"bad.pt", "no TorchScript"});
        row("inspect zoo", {"inspect", "zoo:resnet9"}, {"resnet9", "resnet8"});
        row("device", {"devices", "stm32f411rx"}, {"stm32f411rx"});
        row("no such run", {"runs", "show", "77"}, {"run 77"});
        row("remove no such run", {"runs", "remove", "77"}, {"run 77"});
        row("export no such run", {"export", "77", "--out", "x"}, {"run 77"});
        row("export a run beyond counting", {"export", "99999999999999999999", "--out", "x"},
            {"no run 99999999999999999999"});
        row("export format", {"export", "small.json", "--format", "onix", "--out", "x"},
            {"onix", "onnx_qdq"});
        row("export parameter",
            {"export", "small.json", "--format", "c", "--param", "cpuu=cortex-m7", "--out", "x"},
            {"cpuu", "cpu", "backend", "thresholds"});
        row("export value", {"export", "small.json", "--format", "c", "--param", "cpu=z80", "--out", "x"},
            {"z80", "cortex-m4", "cortex-m0plus"});
        row("export parameter alone",
            {"export", "small.json", "--format", "c", "--param", "cpu", "--out", "x"}, {"name=value"});
        row("export parameters of a format without",
            {"export", "small.json", "--param", "cpu=cortex-m7", "--out", "x"}, {"cpu"});
        row("export variant", {"export", "small.json", "--variant", "W9", "--out", "x"}, {"W9", "W8A8"});
    }
    void badInputIsTwoWithAMessage() {
        QFETCH(QStringList, arguments);
        QFETCH(QStringList, expected);
        write("bad.pt", "");
        const ProgramResult result = cli(arguments);
        QVERIFY2(result.exitCode == 2, result.errors.constData());
        QVERIFY2(result.errors.contains("bitlathe-cli: "), result.errors.constData());
        for (const QString& part : expected) {
            QVERIFY2(result.errors.contains(part.toUtf8()), result.errors.constData());
        }
        const QJsonObject error = cli(arguments + QStringList{"--json"}).json().object()["error"].toObject();
        QVERIFY(!error["code"].toString().isEmpty());
        QVERIFY(error["message"].toString().contains(expected.first()));
    }

    void anEngineThatCannotBeOpenedIsOne() {
        m_folder->setVariable("BITLATHE_ENGINE", "/nowhere/engine.so");
        const ProgramResult result = cli({"inspect", "net.pt"});
        QCOMPARE(result.exitCode, 1);
        QVERIFY2(result.errors.contains("libtorch-dev"), result.errors.constData());
        QCOMPARE(cli({"devices"}).exitCode, 0);  // needs none
    }

    void runPrintsATableAndLogsEachVariant() {
        const ProgramResult result = cli({"run", "small.json"});
        QVERIFY2(result.exitCode == 0, result.errors.constData());
        for (const char* part :
             {"float", "W8A8", "W6A8", "Top-1", "91.00", "On stm32f411re", "experiments.db"}) {
            QVERIFY2(result.output.contains(part), part);
        }
        QVERIFY2(result.errors.contains("evaluate W8A8"),
                 result.errors.constData());  // progress stays off stdout
        QVERIFY(!result.output.contains("evaluate W8A8"));
        const auto log = openLog();
        QCOMPARE(log->runCount({}), std::int64_t{3});
        for (const auto& run : log->runs({})) {
            QCOMPARE(run.status, experiments::RunStatus::Succeeded);
        }
    }

    void runAnswersInJson() {
        const ProgramResult result = cli(
            {"run", "small.json", "--json", "--set", "name=other", "--set", "seed=9", "--log", "here.db"});
        QVERIFY2(result.exitCode == 0, result.errors.constData());
        QVERIFY(QFile::exists(path("here.db")));
        const QJsonObject json = result.json().object();
        const QJsonArray runs = json["runs"].toArray();
        QCOMPARE(runs.size(), 3);
        QVERIFY(!json["group"].toString().isEmpty());
        const QJsonObject run = runs[1].toObject();
        QCOMPARE(run["name"].toString(), QString("W8A8"));
        QCOMPARE(run["recipe"].toString(), QString("other"));
        QCOMPARE(run["seed"].toInt(), 9);
        QCOMPARE(run["status"].toString(), QString("succeeded"));
        QCOMPARE(run["fits"].toBool(), true);
        QVERIFY(run["verdict"].toString().contains("ROM"));
        const QJsonObject top1 = run["metrics"].toObject()["top1"].toObject();
        QCOMPARE(top1["value"].toDouble(), 91.0);
        QCOMPARE(top1["samples"].toInt(), 200);
        QVERIFY(top1["lower95"].toDouble() < 91.0 && top1["upper95"].toDouble() > 91.0);
    }

    /// Whatever the file is called.
    void statisticsComeFromAFile() {
        const ProgramResult saved =
            cli({"run", "small.json", "--set", R"(stages[calibrate].save="123")", "--log", "a.db"});
        QVERIFY2(saved.exitCode == 0, saved.errors.constData());
        QVERIFY(QFile::exists(path("123")));
        const ProgramResult loaded = cli({"run", "small.json", "--statistics", "123", "--log", "b.db"});
        QVERIFY2(loaded.exitCode == 0, loaded.errors.constData());
        QVERIFY(!loaded.errors.contains("calibrate"));  // no stage reads images for it
    }

    void bundledRecipesAreKnownByName() {
        const ProgramResult result = cli({"run", "demo_resnet8", "--set", "model.file=bad.pt"});
        QCOMPARE(result.exitCode, 2);
        QVERIFY2(result.errors.contains("bad.pt"), result.errors.constData());  // the recipe itself was found
    }

    void runsAreListedShownComparedAndRemoved() {
        runSmall();
        QJsonObject json = cli({"runs", "list", "--json", "--sort", "top1"}).json().object();
        QCOMPARE(json["total"].toInt(), 3);
        QJsonArray runs = json["runs"].toArray();
        QCOMPARE(runs.size(), 3);
        QVERIFY(runs[0].toObject()["metrics"].toObject()["top1"].toObject()["value"].toDouble() >=
                runs[2].toObject()["metrics"].toObject()["top1"].toObject()["value"].toDouble());
        QCOMPARE(runs[2].toObject()["name"].toString(), QString("W6A8"));
        json = cli({"runs", "list", "--json", "--text", "w6", "--status", "succeeded"}).json().object();
        QCOMPARE(json["total"].toInt(), 1);
        const QString id = QString::number(json["runs"].toArray()[0].toObject()["id"].toInt());

        const QJsonObject shown = cli({"runs", "show", id, "--json"}).json().object();
        QCOMPARE(shown["name"].toString(), QString("W6A8"));
        QVERIFY(shown["environment"].toObject().contains("torch"));
        QVERIFY(shown["layer_statistics"].toArray().size() > 100);
        QCOMPARE(shown["recipe_document"].toObject()["variants"].toArray().size(), 1);

        const QJsonObject compared = cli({"runs", "compare", "2", id, "--json"}).json().object();
        const QJsonArray deltas =
            compared["metrics"].toObject()["mean_weight_bits"].toObject()["deltas"].toArray();
        QCOMPARE(deltas[0].toDouble(), 0.0);
        QCOMPARE(deltas[1].toDouble(), -2.0);
        QCOMPARE(compared["differing_bits"].toObject().size(), 28);  // every weight, no output
        for (const QStringList& verb :
             {QStringList{"runs", "list"}, {"runs", "show", id}, {"runs", "compare", "1", "2", id}}) {
            const ProgramResult text = cli(verb);
            QCOMPARE(text.exitCode, 0);
            QVERIFY(text.output.contains("W6A8"));
        }
        QCOMPARE(cli({"runs", "list", "--sort", "top"}).exitCode, 2);

        QCOMPARE(cli({"runs", "remove", id, "777"}).exitCode, 2);  // all or none
        QCOMPARE(openLog()->runCount({}), std::int64_t{3});
        QCOMPARE(cli({"runs", "remove", id, "--json"}).json().object()["removed"].toArray().size(), 1);
        QCOMPARE(openLog()->runCount({}), std::int64_t{2});
    }

    void anEmptyLogIsAnEmptyList() {
        const ProgramResult result = cli({"runs", "list", "--json", "--sort", "top1"});
        QCOMPARE(result.exitCode, 0);
        QCOMPARE(result.json().object()["total"].toInt(), 0);
        QVERIFY(result.json().object()["runs"].toArray().isEmpty());
    }

    void rerunTellsWhetherItIsTheSame() {
        runSmall();
        const ProgramResult same = cli({"runs", "rerun", "2", "--json"});
        QVERIFY2(same.exitCode == 0, same.errors.constData());
        QCOMPARE(same.json().object()["is_same"].toBool(), true);
        QCOMPARE(same.json().object()["after"].toObject()["id"].toInt(), 4);

        openLog()->addMetric({2}, {"top1", 12.5, "%", 200, {}, {}});  // as if it had been another number
        const ProgramResult other = cli({"runs", "rerun", "2"});
        QCOMPARE(other.exitCode, 1);
        QVERIFY2(other.output.contains("top1: 12.5 became 91"), other.output.constData());
    }

    void exportsRunsAndRecipes() {
        runSmall();
        const ProgramResult ofRun = cli({"export", "2", "--format", "onnx_qdq", "--out", "a", "--json"});
        QVERIFY2(ofRun.exitCode == 0, ofRun.errors.constData());
        const QJsonObject artefact = ofRun.json().object()["artefacts"].toArray().at(0).toObject();
        QVERIFY(QFile::exists(artefact["path"].toString()));
        QVERIFY(artefact["path"].toString().startsWith(path("a")));
        QCOMPARE(artefact["sha256"].toString().size(), 64);
        QCOMPARE(openLog()->artefacts({2}).size(), std::size_t{1});

        const ProgramResult ofRecipe =
            cli({"export", "small.json", "--variant", "W8A8", "--out", "b", "--json"});
        QVERIFY2(ofRecipe.exitCode == 0, ofRecipe.errors.constData());
        const QJsonObject again = ofRecipe.json().object()["artefacts"].toArray().at(0).toObject();
        QCOMPARE(again["sha256"].toString(), artefact["sha256"].toString());  // the same bytes
        QCOMPARE(openLog()->runCount({}), std::int64_t{3});                   // exporting is no run
    }

    void exportTakesParameters() {
        const ProgramResult result =
            cli({"export", "small.json", "--variant", "W8A8", "--format", "c", "--param", "cpu=cortex-m7",
                 "--param", "thresholds=true", "--out", "c", "--json"});
        QVERIFY2(result.exitCode == 0, result.errors.constData());
        bool isInMakefile = false;
        for (const QJsonValue& value : result.json().object()["artefacts"].toArray()) {
            QFile file(value.toObject()["path"].toString());
            QVERIFY(file.open(QIODevice::ReadOnly));
            isInMakefile = isInMakefile ||
                           (file.fileName().endsWith("Makefile") && file.readAll().contains("cortex-m7"));
        }
        QVERIFY(isInMakefile);
    }

    void inspectListsLayers() {
        const ProgramResult result = cli({"inspect", "net.pt", "--input", "1,32,32", "--json"});
        QVERIFY2(result.exitCode == 0, result.errors.constData());
        const QJsonObject json = result.json().object();
        QCOMPARE(json["layers"].toArray().size(), 29);
        QCOMPARE(json["layers"].toArray()[1].toObject()["kind"].toString(), QString("depthwise_conv"));
        QVERIFY(json["parameters"].toInt() > 200'000);
        QVERIFY(cli({"inspect", "zoo:resnet8"}).output.contains("classifier"));
    }

    void cataloguesAreJson_data() {
        QTest::addColumn<QString>("verb");
        QTest::addColumn<QString>("member");
        QTest::addColumn<int>("atLeast");
        QTest::newRow("devices") << "devices"
                                 << "stm32f411re" << 50;
        QTest::newRow("quantizers") << "quantizers"
                                    << "symmetric" << 3;
        QTest::newRow("observers") << "observers"
                                   << "percentile" << 4;
        QTest::newRow("exporters") << "exporters"
                                   << "onnx_qdq" << 1;
    }
    void cataloguesAreJson() {
        QFETCH(QString, verb);
        QFETCH(QString, member);
        QFETCH(int, atLeast);
        const QJsonArray entries = cli({verb, "--json"}).json().array();
        QVERIFY(entries.size() >= atLeast);
        QVERIFY(cli({verb}).output.contains(member.toUtf8()));
        const bool isThere = std::any_of(entries.begin(), entries.end(), [&](const QJsonValue& entry) {
            return entry.toObject()["id"].toString() == member ||
                   entry.toObject()["name"].toString() == member;
        });
        QVERIFY(isThere);
    }

    void oneDevice() {
        const QJsonObject device = cli({"devices", "STM32F411RE", "--json"}).json().object();
        QCOMPARE(device["id"].toString(), QString("stm32f411re"));
        QCOMPARE(device["rom_limit_bytes"].toInt(), 524288);
        QVERIFY(cli({"devices", "stm32f411re"}).output.contains("Cortex-M4F"));
    }

    void interruptingCancelsCleanly_data() {
        QTest::addColumn<int>("number");
        QTest::newRow("Ctrl-C") << SIGINT;
        QTest::newRow("terminate") << SIGTERM;
    }
    void interruptingCancelsCleanly() {
        QFETCH(int, number);
        write("slow.pt", "");
        QProcess process;
        const QByteArray errors = m_folder->startUntil(
            process, {"run", "small.json", "--set", "model.file=slow.pt"}, "evaluate float");
        QVERIFY2(errors.contains("evaluate float"), errors.constData());
        ::kill(static_cast<pid_t>(process.processId()), number);
        QVERIFY(process.waitForFinished(tests::kPatienceMs));
        QCOMPARE(process.exitStatus(), QProcess::NormalExit);
        QCOMPARE(process.exitCode(), 128 + number);
        const auto runs = openLog()->runs({});
        QCOMPARE(runs.size(), std::size_t{1});
        QCOMPARE(runs[0].status, experiments::RunStatus::Cancelled);
    }

    void killingLeavesAnInterruptedRun() {
        write("slow.pt", "");
        QProcess process;
        const QByteArray errors = m_folder->startUntil(
            process, {"run", "small.json", "--set", "model.file=slow.pt"}, "evaluate W8A8");
        QVERIFY2(errors.contains("evaluate W8A8"), errors.constData());
        process.kill();
        QVERIFY(process.waitForFinished(tests::kPatienceMs));
        const QJsonArray runs = cli({"runs", "list", "--json"}).json().object()["runs"].toArray();
        QCOMPARE(runs.size(), 2);
        QCOMPARE(runs[0].toObject()["status"].toString(), QString("interrupted"));
        QCOMPARE(runs[1].toObject()["status"].toString(), QString("succeeded"));
        QCOMPARE(runs[1].toObject()["metrics"].toObject()["top1"].toObject()["value"].toDouble(), 91.0);
    }
};

QTEST_GUILESS_MAIN(TestCommandLine)
#include "test_command_line.moc"
