#include "ui/panels/channels_page.h"

#include "plots/channel_bits_plot.h"
#include "plots/channel_range_plot.h"
#include "ui/document/layer_title.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace bitlathe::ui {

namespace {

double magnitude(const core::Range& range) {
    return std::max(std::abs(range.lower), std::abs(range.upper));
}

/// How much wider the widest channel is than the median one; each doubling costs the median channel one bit.
QString spreadText(const std::vector<core::Range>& channels) {
    std::vector<double> magnitudes;
    magnitudes.reserve(channels.size());
    std::transform(channels.begin(), channels.end(), std::back_inserter(magnitudes), magnitude);
    std::sort(magnitudes.begin(), magnitudes.end());
    const double median = magnitudes[magnitudes.size() / 2];
    if (!(median > 0)) {
        return QObject::tr("Half of the %1 channels or more are zero throughout.").arg(channels.size());
    }
    const double ratio = magnitudes.back() / median;
    return QObject::tr("%1 channels. The widest reaches %2 times as far as the median one: with one scale "
                       "for all, the median "
                       "channel loses %3 bits.")
        .arg(channels.size())
        .arg(QString::number(ratio, 'f', 1), QString::number(std::log2(std::max(ratio, 1.0)), 'f', 1));
}

/// Codes between those of a channel's smallest and largest value, as bits.
plots::ChannelBits bitsUsed(const core::QParams& qparams, std::size_t slice, const core::Range& observed) {
    const auto codeOf = [&](double value) -> double {
        if (!qparams.isUniform()) {
            const std::vector<float>& thresholds = qparams.tables[slice].thresholds;
            return static_cast<double>(std::lower_bound(thresholds.begin(), thresholds.end(), value) -
                                       thresholds.begin());
        }
        const double code =
            std::round(value / static_cast<double>(qparams.scale[slice])) + qparams.zeroPoint[slice];
        return std::clamp(code, static_cast<double>(qparams.quantMin), static_cast<double>(qparams.quantMax));
    };
    const double codes = static_cast<double>(qparams.quantMax) - qparams.quantMin + 1;
    return {std::log2(codes), std::log2(codeOf(observed.upper) - codeOf(observed.lower) + 1)};
}

}  // namespace

ChannelsPage::ChannelsPage(QuantDocument& document, Selection& selection, QWidget* parent)
    : QWidget(parent), m_document(document), m_selection(selection) {
    m_site = new QComboBox(this);
    m_site->setAccessibleName(tr("Tensor"));
    m_site->addItem(tr("Weights"), static_cast<int>(core::SiteKind::Weight));
    m_site->addItem(tr("Output"), static_cast<int>(core::SiteKind::Output));
    connect(m_site, &QComboBox::activated, this, &ChannelsPage::refresh);
    m_order = new QComboBox(this);
    m_order->setAccessibleName(tr("Order of the channels"));
    m_order->addItem(tr("in model order"), static_cast<int>(plots::ChannelOrder::ByIndex));
    m_order->addItem(tr("widest first"), static_cast<int>(plots::ChannelOrder::ByWidth));
    m_plot = new plots::ChannelRangePlot(this);
    connect(m_order, &QComboBox::activated, this, [this] {
        m_plot->setOrder(static_cast<plots::ChannelOrder>(m_order->currentData().toInt()));
        refresh();
    });
    connect(m_plot, &plots::ChannelRangePlot::orderChanged, this, [this](plots::ChannelOrder order) {
        m_order->setCurrentIndex(m_order->findData(static_cast<int>(order)));
        refresh();
    });
    m_bits = new plots::ChannelBitsPlot(this);
    m_bits->setEmptyText(QString());
    m_spread = new QLabel(this);
    m_spread->setProperty("role", QStringLiteral("muted"));
    m_spread->setWordWrap(true);

    auto* const row = new QHBoxLayout;
    row->setContentsMargins(12, 8, 12, 0);
    row->addWidget(m_site, 1);
    row->addWidget(m_order, 1);
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(6);
    column->addLayout(row);
    column->addWidget(m_plot, 3);
    column->addWidget(m_bits, 2);
    auto* const words = new QHBoxLayout;
    words->setContentsMargins(12, 0, 12, 10);
    words->addWidget(m_spread);
    column->addLayout(words);

    connect(&selection, &Selection::currentChanged, this, &ChannelsPage::refresh);
    connect(&document, &QuantDocument::modelChanged, this, &ChannelsPage::refresh);
    connect(&document, &QuantDocument::statisticsChanged, this, &ChannelsPage::refresh);
    connect(&document, &QuantDocument::layerConfigChanged, this, [this](const core::LayerId& layer) {
        if (layer == m_selection.current()) {
            refresh();
        }
    });
    refresh();
}

void ChannelsPage::refresh() {
    const core::LayerId layer = m_selection.current();
    const auto kind = static_cast<core::SiteKind>(m_site->currentData().toInt());
    const core::SiteStatistics* const statistics = m_document.siteStatistics({layer, kind});
    if (layer.empty() || statistics == nullptr || statistics->channelRanges.empty()) {
        m_plot->setEmptyText(
            layer.empty()                        ? tr("Select a layer to see its channels.")
            : kind == core::SiteKind::Weight     ? tr("%1 has no weights.").arg(layerTitle(layer))
            : m_document.statistics() == nullptr ? tr("Not calibrated yet.\nPress Calibrate (F7).")
                                                 : tr("Nothing is known of its channels."));
        m_plot->setChannels({}, {});
        m_bits->setChannels({});
        m_spread->clear();
        return;
    }
    std::vector<core::Range> representable;
    if (const auto& qparams = m_document.siteState({layer, kind}).qparams) {
        const bool isWhole =
            qparams->scale.size() == 1 || qparams->scale.size() == statistics->channelRanges.size();
        for (std::size_t c = 0; isWhole && c < qparams->scale.size(); ++c) {
            representable.push_back({qparams->representableLower(c), qparams->representableUpper(c)});
        }
    }
    m_plot->setChannels(statistics->channelRanges, std::move(representable));
    refreshBits(statistics->channelRanges, m_document.siteState({layer, kind}).qparams);
    m_spread->setText(spreadText(statistics->channelRanges));
}

void ChannelsPage::refreshBits(const std::vector<core::Range>& observed,
                               const std::optional<core::QParams>& qparams) {
    std::vector<plots::ChannelBits> bits;
    const bool isPerChannel = qparams && qparams->scale.size() == observed.size();
    if (qparams && (isPerChannel || qparams->scale.size() == 1)) {
        for (std::size_t c = 0; c < observed.size(); ++c) {
            bits.push_back(bitsUsed(*qparams, isPerChannel ? c : 0, observed[c]));
        }
    }
    m_bits->setChannels(std::move(bits), m_plot->sequence());
}

}  // namespace bitlathe::ui
