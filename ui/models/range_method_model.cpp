#include "ui/models/range_method_model.h"

#include "plots/number_text.h"
#include "ui/settings/theme.h"

#include <QFont>

#include <algorithm>

namespace bitlathe::ui {

namespace {

/// Below this share of the error a part is not worth a word.
constexpr double kNegligible = 0.005;

double clippingPart(const ObserverChoice& choice) {
    return choice.meanSquaredError > 0 ? choice.clippingError / choice.meanSquaredError : 0;
}

}  // namespace

void RangeMethodModel::setChoices(std::vector<ObserverChoice> choices, const std::string& inUse) {
    std::stable_sort(choices.begin(), choices.end(), [](const ObserverChoice& a, const ObserverChoice& b) {
        return a.meanSquaredError < b.meanSquaredError;
    });
    const auto shared = static_cast<int>(std::min(choices.size(), m_choices.size()));
    const auto before = static_cast<int>(m_choices.size());
    const auto after = static_cast<int>(choices.size());
    // Row by row, so that the keyboard's row stays while a handle is dragged.
    if (after > before) {
        beginInsertRows({}, before, after - 1);
        m_choices = std::move(choices);
        endInsertRows();
    } else if (after < before) {
        beginRemoveRows({}, after, before - 1);
        m_choices = std::move(choices);
        endRemoveRows();
    } else {
        m_choices = std::move(choices);
    }
    m_inUse = inUse;
    if (shared > 0) {
        Q_EMIT dataChanged(index(0, 0), index(shared - 1, kColumnCount - 1));
    }
}

int RangeMethodModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_choices.size());
}

int RangeMethodModel::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : kColumnCount;
}

QString RangeMethodModel::whyText(const ObserverChoice& choice) const {
    const double clipping = clippingPart(choice);
    const QString balance =
        clipping < kNegligible ? tr("All of its error is rounding: a narrower range would round finer.")
        : clipping > 1 - kNegligible
            ? tr("All of its error is clipping: a wider range would cut less.")
            : tr("%1 of its error is clipping, the rest rounding.").arg(plots::percentText(clipping));
    const double best = m_choices.front().meanSquaredError;
    const QString rank = best > 0 && choice.meanSquaredError > best
                             ? tr("Its error is %1 times the least one here.")
                                   .arg(QString::number(choice.meanSquaredError / best, 'f', 2))
                             : tr("No method here makes less error.");
    return tr("%1\nClips %2 of the values. %3\n%4\nDouble-click or Enter takes its range.")
        .arg(choice.title, plots::percentText(choice.clippedShare), balance, rank);
}

QVariant RangeMethodModel::data(const QModelIndex& index, int role) const {
    if (!checkIndex(index, CheckIndexOption::IndexIsValid)) {
        return {};
    }
    const ObserverChoice& choice = at(index.row());
    const bool isInUse = choice.name == m_inUse;
    switch (role) {
    case Qt::DisplayRole:
        switch (index.column()) {
        case Method:
            return isInUse ? QStringLiteral("● ") + choice.shortTitle : choice.shortTitle;
        case Range:
            return QStringLiteral("%1 … %2").arg(plots::shortValue(choice.range.lower),
                                                 plots::shortValue(choice.range.upper));
        case Error:
            return plots::shortValue(choice.meanSquaredError);
        case Clipping:
            return plots::percentText(clippingPart(choice));
        default:
            return {};
        }
    case Qt::ToolTipRole:
        return whyText(choice);
    case Qt::FontRole: {
        QFont font;
        font.setWeight(isInUse ? QFont::DemiBold : QFont::Normal);
        return font;
    }
    case Qt::ForegroundRole:
        return isInUse ? QVariant(currentTheme().attention) : QVariant();
    case Qt::TextAlignmentRole:
        return QVariant::fromValue<int>(Qt::AlignVCenter |
                                        (index.column() == Method ? Qt::AlignLeft : Qt::AlignRight));
    case NameRole:
        return QString::fromStdString(choice.name);
    default:
        return {};
    }
}

QVariant RangeMethodModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue<int>(Qt::AlignVCenter |
                                        (section == Method ? Qt::AlignLeft : Qt::AlignRight));
    }
    if (role != Qt::DisplayRole && role != Qt::ToolTipRole) {
        return {};
    }
    const bool isTip = role == Qt::ToolTipRole;
    switch (section) {
    case Method:
        return isTip ? tr("Range methods, least error first; ● is the one in use") : tr("Method");
    case Range:
        return isTip ? tr("The range it would choose for this tensor, bits and quantizer") : tr("Range");
    case Error:
        return isTip ? tr("Mean squared error with that range") : tr("MSE");
    case Clipping:
        return isTip ? tr("Share of that error made outside the range; the rest is rounding inside it")
                     : tr("clipping");
    default:
        return {};
    }
}

}  // namespace bitlathe::ui
