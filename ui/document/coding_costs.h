#pragma once

#include <string>

#include "core/analysis/coding_cost.h"
#include "ui/document/quant_document.h"

#include "experiments/jobs/latest_wins.h"

#include <QObject>

#include <map>
#include <set>

namespace bitlathe::ui {

/// Entropy and Huffman length of every quantized tensor of a document, kept up to date by a worker: whatever
/// changed since the last answer is asked again, and the newest question wins. GUI thread.
class CodingCosts final : public QObject {
    Q_OBJECT

public:
    explicit CodingCosts(QuantDocument& document, QObject* parent = nullptr);

    /// Null for float and uncalibrated tensors. While a worker is at a newer one: the last answer.
    const core::CodingCost* find(const core::SiteId& id) const;

    struct Total {
        std::int64_t tensors = 0;
        std::int64_t plainBytes = 0;
        std::int64_t codedBytes = 0;
        double entropyBits = 0;  ///< bits a value, weighted by values
        double huffmanBits = 0;
    };
    /// Over the tensors known so far. Activations: of one sample.
    Total total(core::SiteKind kind) const;
    bool isBusy() const { return !m_stale.empty(); }

Q_SIGNALS:
    void changed();

private:
    void forgetEverything();
    void forget(const core::LayerId& layer);
    void askLater();
    void ask();

    QuantDocument& m_document;
    std::map<core::SiteId, core::CodingCost> m_costs;
    std::set<core::SiteId> m_stale;  ///< not answered yet
    bool m_isAskQueued = false;
    experiments::LatestWins m_worker;  ///< last: nothing is delivered once the rest goes
};

}  // namespace bitlathe::ui
