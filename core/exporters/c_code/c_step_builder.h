#pragma once

#include "core/exporters/c_code/c_names.h"
#include "core/exporters/c_code/c_network.h"
#include "core/exporters/c_code/weight_order.h"

#include <array>
#include <string>
#include <vector>

namespace bitlathe::core {

/// Codes in memory are unsigned: the lowest is 0.
std::int64_t storedCode(std::int64_t code, const IntegerTensor& tensor);

/// Turns one layer of the integer model into tables, a description and a call (or several: a concat).
class CStepBuilder {
public:
    CStepBuilder(CNetwork& network, CNames& names, std::size_t layerIndex);
    void add();

private:
    /// How a layer requantizes, decided.
    struct Rule {
        std::string name;  ///< "BL_SHORT"
        bool isPerChannel = false;
        bool rounds = false;
        std::vector<std::int64_t> multipliers;
        std::vector<std::int64_t> shifts;  ///< as the table holds them
        int preShift = 0;
        std::int64_t zero = 0;
        std::int64_t lower = 0;
        std::int64_t upper = 0;
    };
    static constexpr int kNeverShort = -1;
    static constexpr int kMostPreShift = 30;
    static constexpr std::int64_t kLargestCode = 255;
    static constexpr std::int64_t kLargestOffset = std::int64_t{1}
                                                   << 30;  ///< of BL_SHORT's rounding and zero point

    void addOp(const IntegerConv& conv);
    void addOp(const IntegerAdd& op);
    void addOp(const IntegerMul& op);
    void addOp(const IntegerConcat& op);
    void addOp(const IntegerMaxPool& op);
    void addOp(const IntegerAveragePool& op);
    void addOp(const IntegerRescale& op);
    void addOp(const IntegerLookup& op);
    void addOp(const IntegerFlatten& op);

    bool canUseCmsisNn(const IntegerConv& conv) const;
    void addCmsisNn(const IntegerConv& conv);
    void addWindow(const IntegerConv& conv);
    /// A weighted layer's parameters, for c channels 4c + 20 bytes with one factor, else 9c + 12, or 10c + 8 with a zero
    /// point per channel of the weights: README eq. 19.
    void addConvTables(const IntegerConv& conv, const OrderedWeights& weights, const Rule& rule);
    void addBinary(const Requantization& output, const std::string& function, bool isSum);
    void addRescale(const Requantization& requantization, std::size_t which, int firstChannel);
    void addThresholds(const Requantization& output);
    void addPool(const std::string& function, const std::array<int, 2>& kernel,
                 const std::array<int, 2>& stride, const std::array<int, 4>& padding);
    /// largest       magnitude of the accumulator
    /// mostPreShift  how far the kernel can shift it up for the short rule; kNeverShort: the whole product
    Rule ruleOf(const Requantization& requantization, std::int64_t largest, int mostPreShift) const;
    /// The bl_requant part of a description, which points at tables.
    void setOutput(const Rule& rule, const std::string& multipliers, const std::string& shifts,
                   const std::string& zero);
    std::string table(CTable::Kind kind, CTable::Type type, const std::string& suffix,
                      std::vector<std::int64_t> values);
    void field(const std::string& name, const std::string& value);
    void field(const std::string& name, std::int64_t value);
    void shapeField(const std::string& name, const IntegerTensor& tensor);
    const IntegerTensor& input(std::size_t index = 0) const;
    const IntegerTensor& output() const;
    [[noreturn]] void refuse(const std::string& why) const;
    void finish();

    CNetwork& m_network;
    CNames& m_names;
    const IntegerLayer& m_layer;
    CStep m_step;
};

}  // namespace bitlathe::core
