#include "ui/document/coding_costs.h"

#include "ui/document/site_evaluation.h"

#include <QTimer>

#include <vector>

namespace bitlathe::ui {

CodingCosts::CodingCosts(QuantDocument& document, QObject* parent) : QObject(parent), m_document(document) {
    connect(&document, &QuantDocument::modelChanged, this, &CodingCosts::forgetEverything);
    connect(&document, &QuantDocument::statisticsChanged, this, &CodingCosts::forgetEverything);
    connect(&document, &QuantDocument::layerConfigChanged, this, &CodingCosts::forget);
    forgetEverything();
}

const core::CodingCost* CodingCosts::find(const core::SiteId& id) const {
    const auto found = m_costs.find(id);
    return found == m_costs.end() ? nullptr : &found->second;
}

CodingCosts::Total CodingCosts::total(core::SiteKind kind) const {
    Total total;
    double values = 0;
    for (const auto& [id, cost] : m_costs) {
        if (id.kind != kind) {
            continue;
        }
        ++total.tensors;
        total.plainBytes += cost.plainBytes;
        total.codedBytes += cost.codedBytes;
        total.entropyBits += cost.entropyBits * static_cast<double>(cost.values);
        total.huffmanBits += cost.huffmanBits * static_cast<double>(cost.values);
        values += static_cast<double>(cost.values);
    }
    if (values > 0) {
        total.entropyBits /= values;
        total.huffmanBits /= values;
    }
    return total;
}

void CodingCosts::forgetEverything() {
    m_worker.cancel();
    m_costs.clear();
    m_stale.clear();
    if (m_document.hasModel()) {
        m_stale.insert({core::kInputLayer, core::SiteKind::Output});
        for (const core::Layer& layer : m_document.model()->layers) {
            m_stale.insert({layer.id, core::SiteKind::Output});
            if (layer.hasWeights()) {
                m_stale.insert({layer.id, core::SiteKind::Weight});
            }
        }
    }
    askLater();
    Q_EMIT changed();
}

void CodingCosts::forget(const core::LayerId& layer) {
    m_worker.cancel();  // its answer is about the choices before this edit
    for (const core::SiteKind kind : {core::SiteKind::Weight, core::SiteKind::Output}) {
        m_stale.insert({layer, kind});
    }
    askLater();
}

void CodingCosts::askLater() {
    if (!m_isAskQueued && !m_stale.empty()) {
        m_isAskQueued = true;
        QTimer::singleShot(0, this, &CodingCosts::ask);  // one edit of many layers is one question
    }
}

void CodingCosts::ask() {
    m_isAskQueued = false;
    std::vector<SiteQuestion> questions;
    for (const core::SiteId& id : m_stale) {
        questions.push_back(m_document.question(id));
    }
    m_worker.start([this, questions = std::move(questions)]() -> experiments::LatestWins::Delivery {
        std::map<core::SiteId, std::optional<core::CodingCost>> answers;
        for (const SiteQuestion& question : questions) {
            answers[question.id] = codingCost(question);
        }
        return [this, answers = std::move(answers)] {
            for (const auto& [id, cost] : answers) {
                m_stale.erase(id);
                m_costs.erase(id);
                if (cost) {
                    m_costs[id] = *cost;
                }
            }
            Q_EMIT changed();
        };
    });
}

}  // namespace bitlathe::ui
