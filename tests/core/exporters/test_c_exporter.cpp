#include "core/deploy/lower.h"
#include "core/exporters/c_code/c_names.h"
#include "core/exporters/c_code/c_network.h"
#include "core/exporters/exporter.h"
#include "core/types/error.h"
#include "core/util/atomic_folder.h"
#include "tests/core/exporters/c_on_host.h"
#include "tests/support/random_model.h"

#include <QtTest>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace bitlathe::core;
using namespace bitlathe::tests;

namespace {

std::string text(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The first random model from `seed` on that has an integer form.
struct Exportable {
    PreparedModel model;
    QuantPlan plan;
};
Exportable exportable(unsigned seed, const PlanChoices& choices) {
    for (;; seed += 1000) {
        Exportable made{randomModel(seed), {}};
        try {
            made.plan = randomPlan(made.model, seed, choices);
            lower(made.model, made.plan);
            return made;
        } catch (const Error&) {
            continue;  // an accumulator beyond 32 bits and the like: another draw
        }
    }
}

std::string exported(const Exportable& made, const QTemporaryDir& folder, const ParamValues& params = {}) {
    const std::vector<std::string> files =
        exporterRegistry().create({"c", params})->write(made.model, made.plan, folder.path().toStdString());
    return std::filesystem::path(files.front()).parent_path().string();
}

const std::string kRight = "self-test: 0 of ";

}  // namespace

/// The C exporter on the computer itself; processors are test_c_on_cortex_m's business.
class TestCExporter : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void selfTest_data() {
        QTest::addColumn<unsigned>("seed");
        QTest::addColumn<bool>("isNarrow");
        QTest::addColumn<bool>("thresholds");
        for (unsigned seed = 1; seed <= 3; ++seed) {
            QTest::addRow("any bits, seed %u", seed) << seed << false << false;
        }
        QTest::newRow("bits of the fast kernels") << 11U << true << false;
        QTest::newRow("thresholds") << 12U << true << true;
    }
    /// Random networks with every kind of layer, all bits; compiled strictly, run under sanitizers.
    void selfTest() {
        QFETCH(unsigned, seed);
        QFETCH(bool, isNarrow);
        QFETCH(bool, thresholds);
        PlanChoices choices;
        if (isNarrow) {
            choices.weightBits = {2, 4, 8};
            choices.outputBits = {2, 4};
        }
        const QTemporaryDir folder;
        const Exportable made = exportable(seed, choices);
        const std::string printed =
            selfTestOnHost(exported(made, folder, {{"thresholds", thresholds ? 1.0 : 0.0}}));
        QVERIFY2(printed.starts_with(kRight), printed.c_str());
    }

    void cmsisNn_data() {
        QTest::addColumn<int>("bits");
        QTest::newRow("8-bit weights") << 8;
        QTest::newRow("4-bit weights") << 4;
    }
    /// What CMSIS-NN is given, judged by a stand-in that does with it what its documentation says, rounding once.
    void cmsisNn() {
        QFETCH(int, bits);
        PlanChoices choices;
        choices.weightBits = {bits};
        choices.outputBits = {8};
        int calls = 0;
        for (unsigned seed = 20; calls == 0; ++seed) {
            const QTemporaryDir folder;
            const std::string path = exported(exportable(seed, choices), folder, {{"backend", 1.0}});
            const std::string network = text(path + "/network.c");
            for (std::size_t at = network.find("bl_run_cmsis_conv("); at != std::string::npos;
                 at = network.find("bl_run_cmsis_conv(", at + 1)) {
                ++calls;
            }
            if (calls > 0) {
                const std::string printed =
                    selfTestOnHost(path, {"-I" BITLATHE_SOURCE_DIR "/tests/reference/cmsis_nn"});
                QVERIFY2(printed.starts_with(kRight), printed.c_str());
            }
        }
    }

    void sameBytesEveryTime() {
        const QTemporaryDir one;
        const QTemporaryDir two;
        const Exportable made = exportable(3, {});
        const std::string first = exported(made, one);
        const std::string second = exported(made, two);
        int files = 0;
        for (const auto& entry : std::filesystem::directory_iterator(first)) {
            QCOMPARE(text(entry.path().string()), text(second + "/" + entry.path().filename().string()));
            ++files;
        }
        QVERIFY(files >= 9);
    }

    void noKernelThatIsNotUsed() {
        PlanChoices choices;
        choices.weightBits = {4};
        choices.outputBits = {8};
        const QTemporaryDir folder;
        const std::string path = exported(exportable(7, choices), folder);
        const std::string conv = text(path + "/bl_conv.c");
        QVERIFY(conv.find("bl_dot_w4") != std::string::npos);
        QVERIFY(conv.find("bl_dot_w2") == std::string::npos);
        QVERIFY(conv.find("bl_dot_w8") == std::string::npos);
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            const std::string content = text(entry.path().string());
            QVERIFY2(content.find("BL_HAS_") == std::string::npos, entry.path().c_str());
            const bool isSource = entry.path().extension() == ".c" || entry.path().extension() == ".h";
            const bool isHeading = content.find("float") == std::string::npos;
            QVERIFY2(!isSource || isHeading, entry.path().c_str());
            QVERIFY2(content.find("malloc") == std::string::npos, entry.path().c_str());
        }
    }

    void predictedBytesAreInTheReadme() {
        const QTemporaryDir folder;
        const Exportable made = exportable(5, {});
        const CFootprint sizes = buildCNetwork(lower(made.model, made.plan)).footprint;
        const std::string readme = text(exported(made, folder) + "/README.md");
        for (const std::int64_t bytes :
             {sizes.weightBytes, sizes.parameterBytes, sizes.romBytes(), sizes.arenaBytes}) {
            QVERIFY(readme.find(std::to_string(bytes)) != std::string::npos);
        }
    }

    void earlierExportIsReplaced() {
        const QTemporaryDir folder;
        const Exportable made = exportable(2, {});
        const std::string path = exported(made, folder);
        std::ofstream(path + "/left_over.txt") << "old";
        QCOMPARE(exported(made, folder), path);
        QVERIFY(!std::filesystem::exists(path + "/left_over.txt"));
        QCOMPARE(QDir(folder.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot).size(), 1);
    }

    void foreignFolderIsLeftAlone() {
        const QTemporaryDir folder;
        const std::string target = folder.filePath("taken").toStdString();
        std::filesystem::create_directory(target);
        std::ofstream(target + "/thesis.txt") << "years";
        const auto write = [&] { writeFolderAtomically(target, {{"a.c", "x"}, {"sign", "y"}}, "sign"); };
        try {
            write();
            QFAIL("it was overwritten");
        } catch (const Error& error) {
            QCOMPARE(int(error.code()), int(ErrorCode::Io));
            QVERIFY(std::string(error.what()).find(target) != std::string::npos);
        }
        QCOMPARE(text(target + "/thesis.txt"), std::string("years"));
        QVERIFY(!std::filesystem::exists(target + "/a.c"));
    }

    void nothingIsLeftOfAFailure() {
        const QTemporaryDir folder;
        const std::string target = folder.filePath("net").toStdString();
        // The second name cannot be a file: the folder it names is not there and lies below a file.
        const std::map<std::string, std::string> files{{"a.c", "x"}, {"a.c/b.c", "y"}};
        QVERIFY_THROWS_EXCEPTION(Error, writeFolderAtomically(target, files, "sign"));
        QVERIFY(QDir(folder.path()).isEmpty());
    }

    /// A program that writes the folder again and again, killed at any time: the folder is whole or not there, and the
    /// next export clears away what was left.
    void killedWhileWriting() {
        const QTemporaryDir folder;
        const std::string target = folder.filePath("net").toStdString();
        std::map<std::string, std::string> files{{"sign", "y"}};
        for (int i = 0; i < 6; ++i) {
            files["file" + std::to_string(i)] = std::string(2000, 'x');
        }
        for (int kill = 0; kill < 8; ++kill) {
            const pid_t child = ::fork();
            if (child == 0) {
                for (;;) {
                    writeFolderAtomically(target, files, "sign");
                }
            }
            QVERIFY(child > 0);
            ::usleep(static_cast<useconds_t>(3000 + 1700 * kill));
            ::kill(child, SIGKILL);
            ::waitpid(child, nullptr, 0);
            if (std::filesystem::exists(target)) {
                for (const auto& [name, bytes] : files) {
                    QCOMPARE(text(target + "/" + name), bytes);
                }
            }
        }
        writeFolderAtomically(target, files, "sign");
        QCOMPARE(QDir(folder.path()).entryList(QDir::AllEntries | QDir::NoDotAndDotDot), QStringList{"net"});
        // Another program's that still runs stays.
        const QString alive = QString("net.%1.partial").arg(::getppid());
        QVERIFY(QDir(folder.path()).mkdir(alive));
        writeFolderAtomically(target, files, "sign");
        QVERIFY(QDir(folder.path()).exists(alive));
    }

    void whatTheKernelsCannotHoldIsRefusedByName() {
        IntegerGraph graph;
        graph.name = "wide";
        IntegerTensor in;
        in.columns = 600;
        IntegerTensor out;
        out.columns = 2;
        graph.tensors = {in, out};
        graph.output = 1;
        IntegerMaxPool pool;
        pool.kernel = {1, 300};
        pool.stride = {1, 300};
        graph.layers.push_back({LayerId("far.pool"), LayerKind::Other, pool, {0}, 1});
        const auto message = [&] {
            try {
                buildCNetwork(graph);
            } catch (const Error& error) {
                return std::string(error.what());
            }
            return std::string();
        };
        QVERIFY2(message().find("'far.pool'") != std::string::npos &&
                     message().find("stride_columns = 300") != std::string::npos,
                 message().c_str());
        graph.tensors[0].columns = 70'000;
        QVERIFY2(message().find("side beyond 65535") != std::string::npos, message().c_str());
    }

    void unwritableFolderIsOneMessage() {
        const std::string below = "/proc/bitlathe";
        const Exportable made = exportable(2, {});
        try {
            exporterRegistry().create({"c", {}})->write(made.model, made.plan, below);
            QFAIL("it was written");
        } catch (const Error& error) {
            QCOMPARE(int(error.code()), int(ErrorCode::Io));
            QVERIFY(std::string(error.what()).find(below) != std::string::npos);
        }
    }

    void floatSiteBlocks() {
        Exportable made = exportable(2, {});
        const LayerId layer = made.model.layers.front().id;
        made.plan.sites.erase({layer, SiteKind::Weight});
        const std::vector<ExportCheck> checks =
            exporterRegistry().create({"c", {}})->check(made.model, made.plan);
        QCOMPARE(checks.size(), std::size_t{1});
        QVERIFY(checks.front().isBlocking);
        QVERIFY(checks.front().message.find(layer.str()) != std::string::npos);
    }

    void processorWithoutDspIsRemarked() {
        const Exportable made = exportable(2, {});
        const auto remarks = [&](double cpu) {
            std::size_t count = 0;
            for (const ExportCheck& check :
                 exporterRegistry().create({"c", {{"cpu", cpu}}})->check(made.model, made.plan)) {
                count += !check.isBlocking && check.message.find("DSP") != std::string::npos ? 1U : 0U;
            }
            return count;
        };
        QCOMPARE(remarks(0), std::size_t{0});
        QCOMPARE(remarks(3), std::size_t{1});
    }

    void names() {
        CNames names;
        QCOMPARE(names.unique("blocks.0.dw"), std::string("blocks_0_dw"));
        QCOMPARE(names.unique("blocks/0/dw"), std::string("blocks_0_dw_2"));
        QCOMPARE(names.unique("0.conv"), std::string("layer_0_conv"));
        QCOMPARE(names.unique("default"), std::string("default_1"));
        QCOMPARE(names.unique("..."), std::string("layer_"));
    }
};

QTEST_GUILESS_MAIN(TestCExporter)
#include "test_c_exporter.moc"
