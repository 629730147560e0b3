#include "core/types/error.h"
#include "experiments/recipes/json_reader.h"
#include "experiments/recipes/recipe.h"

#include <QDir>
#include <QTemporaryDir>
#include <QtTest>

#include <functional>

using namespace bitlathe;
using namespace bitlathe::experiments;
using nlohmann::json;

namespace {

json sampleDocument() {
    return json::parse(R"({
        "schema_version": 1,
        "name": "sample",
        "description": "all there is",
        "seed": 7,
        "threads": 2,
        "model": {"file": "models/net.pt", "input_shape": [1, 32, 32]},
        "data": {"dataset": "fashion_mnist", "root": "/data", "pad": 2, "mean": [73], "scale": [90.5]},
        "device": "stm32f411re",
        "variants": [
            {"name": "float", "config": {}},
            {"name": "W4A8", "config": {
                "input": {"bits": 8, "quantizer": "affine", "range": [-0.8, 2.0]},
                "defaults": {"weight": {"bits": 4, "quantizer": {"name": "symmetric", "narrow": true},
                                        "granularity": "channel"},
                             "output": {"bits": 8, "observer": {"name": "percentile", "percentile": 99.9}}},
                "rules": [{"match": {"kind": "linear"}, "set": {"weight": {"bits": 8}}}],
                "layers": {"stem.conv": {"weight": {"bits": "float"}}}}}],
        "stages": [
            {"stage": "calibrate", "split": "train", "samples": 512, "batch_size": 64},
            {"stage": "evaluate", "samples": "all", "layer_errors": true},
            {"stage": "export", "format": "onnx_qdq", "variant": "W4A8", "folder": "out"}]
    })");
}

/// The document with the value at a JSON pointer replaced, added or (discarded value) removed.
json changed(const std::string& pointer, const json& value) {
    json document = sampleDocument();
    const json::json_pointer where(pointer);
    if (value.is_discarded()) {
        document[where.parent_pointer()].erase(where.back());
    } else {
        document[where] = value;
    }
    return document;
}

std::string recipeErrorOf(const std::function<void()>& work) {
    try {
        work();
    } catch (const core::Error& error) {
        return error.code() == core::ErrorCode::RecipeError ? error.what()
                                                            : std::string("other code: ") + error.what();
    }
    return "nothing thrown";
}

}  // namespace

class TestRecipe : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsEverything() {
        const Recipe recipe = Recipe::parse(sampleDocument());
        QCOMPARE(recipe.name, std::string("sample"));
        QCOMPARE(recipe.description, std::string("all there is"));
        QCOMPARE(recipe.seed.value, std::uint64_t{7});
        QCOMPARE(recipe.threads, 2);
        QCOMPARE(recipe.model.file, std::string("models/net.pt"));
        QVERIFY(recipe.model.inputShape == core::Shape({1, 32, 32}));
        QCOMPARE(recipe.data.pad, 2);
        QCOMPARE(recipe.data.root, std::string("/data"));
        QCOMPARE(recipe.data.mean.at(0), 73.0);
        QCOMPARE(recipe.data.scale.at(0), 90.5);
        QCOMPARE(recipe.device, std::string("stm32f411re"));
        QCOMPARE(recipe.variants.size(), std::size_t{2});
        QCOMPARE(recipe.variants[1].name, std::string("W4A8"));
        const auto& calibrate = std::get<CalibrateStage>(recipe.stages.at(0));
        QVERIFY(calibrate.split == core::DataSplit::Train);
        QCOMPARE(calibrate.samples, std::int64_t{512});
        QCOMPARE(calibrate.batchSize, std::int64_t{64});
        const auto& evaluate = std::get<EvaluateStage>(recipe.stages.at(1));
        QVERIFY(evaluate.split == core::DataSplit::Test);
        QCOMPARE(evaluate.samples, std::int64_t{0});
        QVERIFY(evaluate.layerErrors);
        const auto& exported = std::get<ExportStage>(recipe.stages.at(2));
        QCOMPARE(exported.format, std::string("onnx_qdq"));
        QCOMPARE(exported.variant, std::string("W4A8"));
        QCOMPARE(exported.folder, std::string("out"));
    }

    void exportParametersGoThere() {
        const char* const text = R"({"schema_version": 1, "name": "x", "model": {"file": "net.pt"},
            "data": {"dataset": "fashion_mnist"}, "variants": [{"name": "a", "config": {}}],
            "stages": [{"stage": "export", "folder": "out",
                        "format": {"name": "c", "cpu": "cortex-m7", "thresholds": true}}]})";
        const Recipe recipe = Recipe::parse(json::parse(text));
        const auto& stage = std::get<ExportStage>(recipe.stages.at(0));
        QCOMPARE(stage.format, std::string("c"));
        QCOMPARE(stage.params.at("cpu"), 1.0);
        QCOMPARE(stage.params.at("thresholds"), 1.0);
        const Recipe again = Recipe::parse(recipe.toJson());
        QVERIFY(std::get<ExportStage>(again.stages.at(0)).params == stage.params);
        json wrong = json::parse(text);
        wrong["stages"][0]["format"]["cpu"] = "z80";
        try {
            Recipe::parse(wrong);
            QFAIL("a processor nobody knows");
        } catch (const core::Error& error) {
            const QString message = QString::fromUtf8(error.what());
            QVERIFY2(message.contains("stages[0].format.cpu") && message.contains("cortex-m0plus"),
                     error.what());
        }
    }

    void readsTrainingOfAZooModel() {
        const Recipe recipe = Recipe::parse(json::parse(R"({
            "schema_version": 1, "name": "train",
            "model": {"zoo": {"name": "mobilenet_v1", "width": 0.25, "size": 32, "channels": 1, "classes": 10}},
            "stages": [{"stage": "train", "epochs": 3, "batch_size": 64, "max_learning_rate": 0.1, "momentum": 0.8,
                        "weight_decay": 0.001, "label_smoothing": 0.1,
                        "augmentation": {"horizontal_flip": true, "shift": 2}, "output": "net.pt"}]})"));
        QCOMPARE(recipe.model.zoo, std::string("mobilenet_v1"));
        QCOMPARE(recipe.model.zooParams.at("width"), 0.25);
        const auto& train = std::get<TrainStage>(recipe.stages.at(0));
        QCOMPARE(train.options.epochs, std::int64_t{3});
        QCOMPARE(train.options.batchSize, std::int64_t{64});
        QCOMPARE(train.options.learningRate, 0.1);
        QCOMPARE(train.options.optimizer.params.at("momentum"), 0.8);
        QCOMPARE(train.options.weightDecay, 0.001);
        QCOMPARE(train.options.labelSmoothing, 0.1);
        QVERIFY(train.options.augmentation.horizontalFlip);
        QCOMPARE(train.options.augmentation.shift, 2);
        QCOMPARE(train.output, std::string("net.pt"));
        QVERIFY(Recipe::parse(recipe.toJson()).toJson() == recipe.toJson());
    }

    void readsQuantizedTraining() {
        const Recipe recipe = Recipe::parse(json::parse(R"({
            "schema_version": 1, "name": "qat", "model": {"run": 12},
            "variants": [{"name": "W4A4", "config": {}}],
            "stages": [{"stage": "qat", "epochs": 2, "learning_rate": 0.01, "samples": 1000,
                        "optimizer": {"name": "adamw", "beta1": 0.8},
                        "schedule": {"method": {"name": "multistep", "factor": 0.2}, "milestones": [1, 1.5],
                                     "warm_up_epochs": 0.5},
                        "parameters": [{"match": {"kind": ["range", "bias"], "max_elements": 64},
                                        "learning_rate": 0.1, "weight_decay": 0},
                                       {"match": {"name": "stem.*"}, "learning_rate": 0}],
                        "distillation": {"weight": 0.5, "temperature": 2}, "clip_gradient_norm": 1.5,
                        "precision": "bfloat16", "keep": "best", "validation_samples": 100,
                        "checkpoint_minutes": 2,
                        "batch_norm": "delayed_fold", "fold_delay_epochs": 0.5, "freeze_ranges_epoch": 1.5}]})"));
        QCOMPARE(recipe.model.run, std::int64_t{12});
        const auto& qat = std::get<QatStage>(recipe.stages.at(0));
        QCOMPARE(qat.samples, std::int64_t{1000});
        QCOMPARE(qat.options.optimizer.name, std::string("adamw"));
        QCOMPARE(qat.options.optimizer.params.at("beta1"), 0.8);
        QCOMPARE(qat.options.schedule.method.params.at("factor"), 0.2);
        QVERIFY((qat.options.schedule.milestones == std::vector<double>{1, 1.5}));
        QCOMPARE(qat.options.schedule.warmUpEpochs, 0.5);
        QCOMPARE(qat.options.rules.size(), std::size_t{2});
        QCOMPARE(qat.options.rules[0].kinds.size(), std::size_t{2});
        QVERIFY(qat.options.rules[0].kinds[0] == core::ParameterKind::Range);
        QCOMPARE(*qat.options.rules[0].learningRateFactor, 0.1);
        QVERIFY(!qat.options.rules[1].weightDecay.has_value());
        QVERIFY(qat.options.precision == core::Precision::BFloat16);
        QVERIFY(qat.options.keep == core::KeptWeights::Best);
        QCOMPARE(*qat.options.validationSamples, std::int64_t{100});
        QVERIFY(qat.quantization.batchNorm == core::BatchNormTraining::DelayedFold);
        QCOMPARE(qat.quantization.foldDelayEpochs, 0.5);
        QCOMPARE(*qat.quantization.freezeRangesAtEpoch, 1.5);
        QVERIFY(!qat.quantization.freezeBatchNormAtEpoch.has_value());
        QVERIFY(Recipe::parse(recipe.toJson()).toJson() == recipe.toJson());
    }

    void bundledRecipesAreReadable() {
        const QDir folder(BITLATHE_SOURCE_DIR "/resources/recipes");
        for (const QString& name : folder.entryList({"*.json"})) {
            const Recipe recipe = Recipe::load(folder.filePath(name).toStdString());
            QVERIFY2(!recipe.name.empty(), qPrintable(name));
        }
    }

    void writesWhatItReads() {
        const Recipe recipe = Recipe::parse(sampleDocument());
        const Recipe again = Recipe::parse(recipe.toJson());
        QVERIFY(again.toJson() == recipe.toJson());
        QVERIFY(again.variants[1].config.json == sampleDocument()["variants"][1]["config"]);
    }

    void savesAndLoads() {
        const QTemporaryDir folder;
        const std::string path = folder.filePath("r.json").toStdString();
        const Recipe recipe = Recipe::parse(sampleDocument());
        recipe.save(path);
        const Recipe loaded = Recipe::load(path);
        QVERIFY(loaded.toJson() == recipe.toJson());
        QCOMPARE(loaded.folder, folder.path().toStdString());
        QVERIFY_EXCEPTION_THROWN(recipe.save(folder.filePath("no/such/r.json").toStdString()), core::Error);
    }

    void errorsNameThePlace_data() {
        QTest::addColumn<QString>("pointer");
        QTest::addColumn<QString>("value");  // "" removes
        QTest::addColumn<QStringList>("expected");
        const auto row = [](const char* name, const char* pointer, const char* value, QStringList expected) {
            QTest::newRow(name) << pointer << value << expected;
        };
        row("no name", "/name", "", {"name: is missing"});
        row("no schema", "/schema_version", "", {"schema_version: is missing"});
        row("newer schema", "/schema_version", "9", {"schema_version", "9", "up to 1"});
        row("typo at the top", "/devise", "1",
            {"devise: unknown key", "did you mean 'device'?", "Known here:"});
        row("typo in data", "/data/pads", "1", {"data.pads: unknown key", "'pad'"});
        row("name no text", "/name", "3", {"name: 3 is not a text"});
        row("negative seed", "/seed", "-1", {"seed: -1 is not a whole number from 0"});
        row("threads 0", "/threads", "0", {"threads: 0 is not a whole number from 1 to"});
        row("half a thread", "/threads", "1.5", {"threads: 1.5 is not a whole number"});
        row("no model source", "/model/file", "", {"model: needs one of"});
        row("two model sources", "/model/zoo", "\"resnet8\"", {"model: needs one of"});
        row("shape of two", "/model/input_shape", "[1, 32]",
            {"model.input_shape", "[channels, height, width]"});
        row("shape with 0", "/model/input_shape", "[1, 0, 32]", {"model.input_shape[1]: 0 is not"});
        row("unknown data", "/data/dataset", "\"fashion_mnits\"",
            {"data.dataset", "did you mean 'fashion_mnist'?"});
        row("scale 0", "/data/scale", "[0]", {"data.scale[0]: 0 cannot divide"});
        row("no mean", "/data/mean", "[]", {"data.mean"});
        row("samples 0", "/stages/0/samples", "0", {"stages[0].samples: 0 is not a whole number from 1"});
        row("samples text", "/stages/0/samples", "\"many\"", {"stages[0].samples: \"many\" is not"});
        row("unknown stage", "/stages/0/stage", "\"callibrate\"",
            {"stages[0].stage", "did you mean 'calibrate'?"});
        row("unknown split", "/stages/0/split", "\"val\"", {"stages[0].split", "train, test"});
        row("foreign key", "/stages/1/epochs", "1", {"stages[1].epochs: unknown key"});
        row("no folder", "/stages/2/folder", "", {"stages[2].folder: is missing"});
        row("absent variant", "/stages/2/variant", "\"W4A9\"", {"stages[2].variant", "did you mean 'W4A8'?"});
        row("second evaluate", "/stages/2", "{\"stage\":\"evaluate\"}", {"stages[2]: a second 'evaluate'"});
        row("stages no list", "/stages", "{}", {"stages: {} is not a list"});
        row("same names", "/variants/1/name", "\"float\"", {"variants[1].name: 'float'"});
        row("bits 17", "/variants/1/config/input/bits", "17", {"variants[1].config.input.bits: 17 is not"});
        row("bits text", "/variants/1/config/input/bits", "\"eight\"",
            {"variants[1].config.input.bits", "\"float\""});
        row("unknown quantizer", "/variants/1/config/input/quantizer", "\"afine\"",
            {"variants[1].config.input.quantizer", "did you mean 'affine'?"});
        row("unknown parameter", "/variants/1/config/defaults/weight/quantizer/narow", "1",
            {"variants[1].config.defaults.weight.quantizer.narow: unknown key", "'narrow'"});
        row("switch 2", "/variants/1/config/defaults/weight/quantizer/narrow", "2",
            {"variants[1].config.defaults.weight.quantizer.narrow: 2 is not"});
        row("percentile 101", "/variants/1/config/defaults/output/observer/percentile", "101",
            {"variants[1].config.defaults.output.observer.percentile: 101 is not a number from"});
        row("range turned", "/variants/1/config/input/range", "[2, 1]",
            {"variants[1].config.input.range", "above"});
        row("range of one", "/variants/1/config/input/range", "[2]",
            {"variants[1].config.input.range", "[lower, upper]"});
        row("range per channel", "/variants/1/config/input/granularity", "\"channel\"",
            {"variants[1].config.input", "\"tensor\""});
        row("granularity", "/variants/1/config/input/granularity", "\"chanel\"", {"did you mean 'channel'?"});
        row("group 0", "/variants/1/config/input/granularity", "{\"group\":0}",
            {"granularity.group: 0 is not"});
        row("unknown kind", "/variants/1/config/rules/0/match/kind", "\"depthwise\"",
            {"variants[1].config.rules[0].match.kind", "depthwise_conv"});
        row("empty match", "/variants/1/config/rules/0/match", "{}",
            {"variants[1].config.rules[0].match: is empty"});
        row("position", "/variants/1/config/rules/0/match/position", "\"middle\"",
            {"rules[0].match.position", "first"});
        row("no set", "/variants/1/config/rules/0/set", "", {"variants[1].config.rules[0].set: is missing"});
        row("layer with dots", "/variants/1/config/layers/stem.conv/wait", "1",
            {"layers[\"stem.conv\"].wait"});
        row("no variants", "/variants", "[]", {"stages[0]: there is no variant"});
    }
    void errorsNameThePlace() {
        QFETCH(QString, pointer);
        QFETCH(QString, value);
        QFETCH(QStringList, expected);
        const json newValue = json::parse(value.toStdString(), nullptr, false);
        const std::string message =
            recipeErrorOf([&] { Recipe::parse(changed(pointer.toStdString(), newValue)); });
        for (const QString& part : expected) {
            QVERIFY2(QString::fromStdString(message).contains(part), message.c_str());
        }
    }

    /// Blanks and letters of any alphabet in a path.
    void pathsOfAnyAlphabet() {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QString::fromUtf8("ein Ordner/größe 量子 \"x\".json"));
        QVERIFY(QDir().mkpath(QFileInfo(path).path()));
        const Recipe recipe = Recipe::parse(sampleDocument());
        recipe.save(path.toStdString());
        const Recipe read = Recipe::load(path.toStdString());
        QCOMPARE(read.toJson(), recipe.toJson());
        QCOMPARE(read.folder, QFileInfo(path).path().toStdString());
    }

    /// 8.0 is the whole number 8; 8.5, a number beyond any integer and NaN's spelling are not.
    void wholeNumbers() {
        const auto read = [](const char* text) {
            const json value = json::parse(text);
            return JsonReader(value, "bits").integer(1, 16);
        };
        QCOMPARE(read("8.0"), std::int64_t{8});
        QCOMPARE(read("8e0"), std::int64_t{8});
        for (const char* wrong : {"8.5", "-8", "0", "17", "18446744073709551615", "-9223372036854775808",
                                  "1e300", "\"8\"", "true"}) {
            QVERIFY_EXCEPTION_THROWN(read(wrong), core::Error);
        }
    }

    void filesThatAreNoRecipe() {
        const QTemporaryDir folder;
        const auto messageOf = [&](const QByteArray& bytes) {
            const QString path = folder.filePath("bad.json");
            QFile file(path);
            if (!file.open(QIODevice::WriteOnly)) {
                qFatal("no file");
            }
            file.write(bytes);
            file.close();
            const std::string message = recipeErrorOf([&] { Recipe::load(path.toStdString()); });
            return QString::fromStdString(message).contains(path) ? QString::fromStdString(message)
                                                                  : QString();
        };
        QVERIFY(messageOf("{\n  \"name\": oops\n}").contains("line 2"));
        QVERIFY(messageOf("").contains("not valid JSON"));
        QVERIFY(messageOf("[1, 2]").contains("no JSON object"));
        QVERIFY(messageOf("{\"schema_version\": 1}").contains("name: is missing"));
        QVERIFY(messageOf("\xff\xfe not text").contains("not valid JSON"));
        // What the parser would take in silence, or give back as an error of its own.
        QVERIFY(messageOf(R"({"schema_version": 1, "data": {"pad": 1, "pad": 2}})")
                    .contains("the key 'data.pad' stands twice"));
        QVERIFY(messageOf(R"({"schema_version": 1, "seed": 1e999})").contains("not valid JSON"));
        const QByteArray deep = QByteArray(200'000, '[') + QByteArray(200'000, ']');
        QVERIFY(messageOf("{\"schema_version\": " + deep + "}").contains("64 deep"));
        try {
            Recipe::load(folder.filePath("absent.json").toStdString());
            QFAIL("loaded nothing");
        } catch (const core::Error& error) {
            QCOMPARE(error.code(), core::ErrorCode::Io);
        }
    }
};

QTEST_GUILESS_MAIN(TestRecipe)
#include "test_recipe.moc"
