#include "core/search/fit.h"

#include "core/graph/prepare.h"
#include "core/search/bit_search.h"
#include "core/types/error.h"
#include "core/zoo/zoo.h"
#include "tests/core/device/budget_models.h"

#include <QtTest>

using namespace bitlathe::core;
using bitlathe::core::testing::uniformConfig;

namespace {

constexpr std::int64_t kPlenty = 1'000'000'000;

PreparedModel mobileNet() {
    return prepare(
        buildZooModel("mobilenet_v1", {{"width", 0.25}, {"size", 32}, {"channels", 1}, {"classes", 10}}, {}));
}
PreparedModel resNet() {
    return prepare(buildZooModel("resnet8", {}, {}));
}

FitRequest request(FitMethod method, std::int64_t rom, std::int64_t ram,
                   RamModel ramModel = RamModel::Lifetimes) {
    FitRequest made;
    made.method = method;
    made.limits = {rom, ram, std::nullopt};
    made.ramModel = ramModel;
    return made;
}

/// Bytes that buffers alive in one step share without leave: none, but for the overlaps' pairs.
bool hasRoomForAll(const Budget& budget, const std::vector<ArenaBank>& banks) {
    for (std::size_t i = 0; i < budget.arenaBuffers.size(); ++i) {
        const std::int64_t offset = budget.arena.offsets[i];
        const auto bank = static_cast<std::size_t>(budget.arena.bankOf[i]);
        if (offset < 0 || offset + budget.arenaBuffers[i].bytes > banks[bank].bytes) {
            return false;
        }
    }
    return true;
}

}  // namespace

/// fitBits: all methods and RAM models behind one request. The searches alone have tests of their own.
class TestFitBits : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void resultKeepsItsLimits_data() {
        QTest::addColumn<QString>("method");
        QTest::addColumn<QString>("ramModel");
        QTest::addColumn<bool>("isResidual");
        for (const char* method : {"mix_pl", "mix_pc", "ilp", "greedy"}) {
            for (const char* ramModel : {"in_out", "lifetimes", "arena"}) {
                QTest::addRow("%s, %s, chain", method, ramModel) << method << ramModel << false;
                QTest::addRow("%s, %s, residual", method, ramModel) << method << ramModel << true;
            }
        }
    }
    /// Half of what 8 bits need: feasible, and the figures are the budget's own of the configuration found.
    void resultKeepsItsLimits() {
        QFETCH(QString, method);
        QFETCH(QString, ramModel);
        QFETCH(bool, isResidual);
        const PreparedModel model = isResidual ? resNet() : mobileNet();
        const QuantConfig base = uniformConfig(model, 8, 8, Granularity::Kind::Channel);
        const RamModel ram = ramModelFromName(ramModel.toStdString());
        const Budget wide = computeBudget(model, base, ram);
        const FitRequest asked = request(fitMethodFromName(method.toStdString()), wide.romBytes / 2,
                                         wide.peakRamBytes * 5 / 8, ram);
        const FitResult found = fitBits(model, base, asked, nullptr);
        QVERIFY2(found.isFeasible, found.verdict.c_str());
        const Budget again = computeBudget(model, found.config, ram);
        QCOMPARE(found.budget.romBytes, again.romBytes);
        QCOMPARE(found.budget.peakRamBytes, again.peakRamBytes);
        QVERIFY(again.romBytes <= asked.limits.romBytes);
        QVERIFY(again.peakRamBytes <= asked.limits.ramBytes);
        QVERIFY(found.verdict.starts_with("fits: ") &&
                found.verdict.find(ramModel.toStdString()) != std::string::npos);
        const bool isIlp = method == "ilp" && !ilpSolverName().empty();
        QCOMPARE(found.method, isIlp || method != "ilp" ? method.toStdString() : std::string("greedy"));
        QVERIFY(!found.isOptimal || isIlp);
        QCOMPARE(found.verdict.find("libglpk-dev") != std::string::npos, method == "ilp" && !isIlp);
    }

    void nothingFitsNamesALayer_data() { resultKeepsItsLimits_data(); }
    void nothingFitsNamesALayer() {
        QFETCH(QString, method);
        QFETCH(QString, ramModel);
        QFETCH(bool, isResidual);
        const PreparedModel model = isResidual ? resNet() : mobileNet();
        const QuantConfig base = uniformConfig(model, 8, 8, Granularity::Kind::Channel);
        const FitMethod by = fitMethodFromName(method.toStdString());
        const RamModel ram = ramModelFromName(ramModel.toStdString());
        for (const FitRequest& asked : {request(by, 100, kPlenty, ram), request(by, kPlenty, 100, ram)}) {
            const FitResult found = fitBits(model, base, asked, nullptr);
            QVERIFY(!found.isFeasible);
            QVERIFY(found.bindingLayer.has_value());
            QVERIFY(model.findLayer(*found.bindingLayer) != nullptr);
            QVERIFY2(found.verdict.find("does not fit") != std::string::npos &&
                         found.verdict.find(found.bindingLayer->str()) != std::string::npos,
                     found.verdict.c_str());
        }
    }

    void ilpIsNoWorseThanGreedy() {
        if (ilpSolverName().empty()) {
            QSKIP("this build has no integer programming solver: install libglpk-dev");
        }
        const PreparedModel model = mobileNet();
        const QuantConfig base = uniformConfig(model, 8, 8, Granularity::Kind::Channel);
        for (const std::int64_t rom : {90'000, 120'000, 180'000}) {
            const FitResult ilp = fitBits(model, base, request(FitMethod::Ilp, rom, 12'000), nullptr);
            const FitResult greedy = fitBits(model, base, request(FitMethod::Greedy, rom, 12'000), nullptr);
            QVERIFY(ilp.isFeasible && ilp.isOptimal && greedy.isFeasible);
            QVERIFY(ilp.cost <= greedy.cost);
        }
    }

    void severalBanks_data() {
        QTest::addColumn<QString>("method");
        for (const char* method : {"mix_pl", "mix_pc", "ilp", "greedy"}) {
            QTest::newRow(method) << method;
        }
    }
    /// Two banks of which neither holds the peak alone: 8 bits stay where the tensors spread over both, and are cut
    /// where there is one bank.
    void severalBanks() {
        QFETCH(QString, method);
        const PreparedModel model = mobileNet();
        const QuantConfig base = uniformConfig(model, 8, 8, Granularity::Kind::Channel);
        const std::int64_t peak = computeBudget(model, base, RamModel::Arena).peakRamBytes;
        FitRequest asked = request(fitMethodFromName(method.toStdString()), kPlenty, 0, RamModel::Arena);
        asked.banks = {{"SRAM", peak * 3 / 4}, {"CCM", peak * 3 / 4}};
        asked.limits.ramBytes = asked.banks[0].bytes + asked.banks[1].bytes;
        const FitResult both = fitBits(model, base, asked, nullptr);
        QVERIFY2(both.isFeasible, both.verdict.c_str());
        QVERIFY(hasRoomForAll(both.budget, asked.banks));
        QVERIFY(both.budget.arena.bankBytes[0] > 0 && both.budget.arena.bankBytes[1] > 0);
        asked.banks.pop_back();
        asked.limits.ramBytes = asked.banks[0].bytes;
        const FitResult one = fitBits(model, base, asked, nullptr);
        QVERIFY2(one.isFeasible, one.verdict.c_str());
        QVERIFY(hasRoomForAll(one.budget, asked.banks));
        const auto narrow = [](const FitResult& found) {
            return std::count_if(found.config.layers.begin(), found.config.layers.end(),
                                 [](const auto& entry) {
                                     return entry.second.output.bits && entry.second.output.bits->bits() < 8;
                                 });
        };
        QCOMPARE(narrow(both), std::ptrdiff_t{0});
        QVERIFY(narrow(one) > 0);
    }

    /// Sums that fit into banks no single one of which holds the largest tensor: no, and it says so.
    void banksTooSmallForATensor() {
        const PreparedModel model = mobileNet();
        FitRequest asked = request(FitMethod::MixPL, kPlenty, 0, RamModel::Arena);
        asked.bits.activations = {8};
        for (int i = 0; i < 40; ++i) {
            asked.banks.push_back({"piece " + std::to_string(i), 2048});
        }
        asked.limits.ramBytes = 40 * 2048;
        const FitResult found =
            fitBits(model, uniformConfig(model, 8, 8, Granularity::Kind::Channel), asked, nullptr);
        QVERIFY(!found.isFeasible);
        QVERIFY2(found.verdict.find("no packing was found") != std::string::npos, found.verdict.c_str());
    }

    void freeWidths() {
        const PreparedModel model = mobileNet();
        const QuantConfig base = uniformConfig(model, 8, 8, Granularity::Kind::Channel);
        for (int mask = 1; mask < 1 << 7; ++mask) {  // every set of 2 .. 8
            FitRequest asked = request(FitMethod::MixPL, 160'000, 20'000);
            asked.bits.weights.clear();
            for (int bits = 2; bits <= 8; ++bits) {
                if ((mask >> (bits - 2) & 1) != 0) {
                    asked.bits.weights.push_back(bits);
                }
            }
            asked.bits.activations = asked.bits.weights;
            const FitResult found = fitBits(model, base, asked, nullptr);
            // 160,000 B hold 210,016 weights at 5 bits (131,260 B) and at most 25,024 B of parameters, not at 6.
            QCOMPARE(found.isFeasible, asked.bits.weights.front() <= 5);
            if (!found.isFeasible) {
                continue;
            }
            for (const auto& [id, quant] : found.config.layers) {
                const Layer& layer = *model.findLayer(id);
                const auto isAllowed = [&](const std::optional<BitWidth>& bits) {
                    const auto& allowed = asked.bits.weights;
                    return std::find(allowed.begin(), allowed.end(), bits->bits()) != allowed.end();
                };
                QVERIFY(!layer.hasWeights() || isAllowed(quant.weight.bits));
            }
        }
    }

    void unknownMethod() {
        QVERIFY_THROWS_EXCEPTION(Error, fitMethodFromName("luck"));
        QCOMPARE(int(fitMethodFromName("mix_pc")), int(FitMethod::MixPC));
    }
};

QTEST_GUILESS_MAIN(TestFitBits)
#include "test_fit_bits.moc"
