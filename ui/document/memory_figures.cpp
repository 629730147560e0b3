#include "ui/document/memory_figures.h"

#include "ui/document/layer_title.h"

#include <QCoreApplication>
#include <QRegularExpression>

#include <utility>

namespace bitlathe::ui {

namespace {

constexpr int kDelayMs = 120;

QString tr(const char* text) {
    return QCoreApplication::translate("MemoryFigures", text);
}

/// Core's sum with the layer's title for its path and digits in groups.
QString forPeople(const core::LayerId& layer, const std::string& text) {
    const QString sum = QString::fromStdString(text).mid(static_cast<qsizetype>(layer.str().size()));
    static const QRegularExpression kLong(QStringLiteral("\\d{4,}"));
    QString grouped;
    qsizetype end = 0;
    for (auto match = kLong.globalMatch(sum); match.hasNext();) {
        const QRegularExpressionMatch number = match.next();
        grouped += sum.mid(end, number.capturedStart() - end) + groupedNumber(number.captured().toLongLong());
        end = number.capturedEnd();
    }
    return layerTitle(layer) + grouped + sum.mid(end);
}

}  // namespace

MemoryFigures::MemoryFigures(QuantDocument& document, QObject* parent)
    : QObject(parent), m_document(document) {
    m_delay.setSingleShot(true);
    m_delay.setInterval(kDelayMs);
    connect(&m_delay, &QTimer::timeout, this, &MemoryFigures::ask);
    connect(&m_worker, &experiments::LatestWins::failed, this, [this] { m_isStale = false; });
    connect(&document, &QuantDocument::modelChanged, this, &MemoryFigures::forget);
    connect(&document, &QuantDocument::statisticsChanged, this, &MemoryFigures::forget);
    connect(&document, &QuantDocument::budgetChanged, this, &MemoryFigures::forget);
    forget();
}

core::Budget MemoryFigures::formulas(MemoryView view) const {
    const bool hasOwnModel = view == MemoryView::InOut || view == MemoryView::Arena;
    return hasOwnModel && m_document.hasModel()
               ? core::computeBudget(*m_document.model(), m_document.config(),
                                     view == MemoryView::InOut ? core::RamModel::InOut
                                                               : core::RamModel::Arena)
               : m_document.budget();
}

core::Budget MemoryFigures::placedApart() const {
    core::ArenaRules apart;
    apart.isElementwiseInPlace = apart.isPoolInPlace = apart.isDepthwiseInPlace = false;
    return m_document.hasModel()
               ? core::computeBudget(*m_document.model(), m_document.config(), core::RamModel::Arena, apart)
               : core::Budget();
}

void MemoryFigures::forget() {
    m_worker.cancel();
    m_target.reset();
    m_isStale = m_document.hasModel();
    m_isStale ? m_delay.start() : m_delay.stop();
    Q_EMIT targetChanged();
}

void MemoryFigures::ask() {
    m_worker.start([this, model = m_document.model(), config = m_document.config(),
                    device = m_document.device().value_or(core::Device()),
                    statistics = m_document.statistics()]() -> experiments::LatestWins::Delivery {
        core::TargetOptions options;
        options.statistics = statistics.get();
        auto target =
            std::make_shared<const core::TargetBudget>(core::targetBudget(*model, config, device, options));
        return [this, target = std::move(target)] {
            m_target = target;
            m_isStale = false;
            Q_EMIT targetChanged();
        };
    });
}

QString romSplitText(const core::RomSplit& split) {
    return tr("weights %1 · requantization %2 · constants %3 · code %4 B")
        .arg(groupedNumber(split.weightBytes), groupedNumber(split.requantBytes),
             groupedNumber(split.tableBytes), groupedNumber(split.codeBytes));
}

QString peakText(const core::Budget& budget) {
    if (budget.peakLayer < 0) {
        return {};
    }
    return forPeople(budget.layers[static_cast<std::size_t>(budget.peakLayer)].layer, budget.peakText());
}

QString peakText(const core::CBudget& budget) {
    if (budget.peakLayer() < 0) {
        return {};
    }
    return forPeople(budget.layers[static_cast<std::size_t>(budget.peakLayer())].layer, budget.peakText());
}

}  // namespace bitlathe::ui
