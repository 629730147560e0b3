#include "ui/panels/inspector_panel.h"

#include "ui/document/layer_title.h"
#include "ui/document/workbench.h"
#include "ui/panels/channels_page.h"
#include "ui/panels/error_page.h"
#include "ui/panels/site_page.h"

#include <QScrollArea>
#include <QStackedWidget>
#include <QTabBar>
#include <QVBoxLayout>

namespace bitlathe::ui {

namespace {

/// A page that scrolls where the window is too low for it: a method with many parameters must not push the window off a
/// small screen.
QScrollArea* scrollable(QWidget* page, QWidget* parent) {
    auto* const area = new QScrollArea(parent);
    area->setFrameShape(QFrame::NoFrame);
    area->setWidgetResizable(true);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(page);
    // The panel's surface shows through; a scroll area would paint the window's colour.
    area->viewport()->setAutoFillBackground(false);
    page->setAutoFillBackground(false);
    area->setMinimumWidth(page->minimumSizeHint().width());
    return area;
}

}  // namespace

InspectorPanel::InspectorPanel(Workbench& workbench, QWidget* parent)
    : QWidget(parent), m_workbench(workbench) {
    QuantDocument& document = workbench.document();
    Selection& selection = workbench.selection();
    m_tabs = new QTabBar(this);
    m_tabs->setAccessibleName(tr("Inspector pages"));
    m_tabs->setExpanding(false);
    m_tabs->setUsesScrollButtons(false);
    m_tabs->addTab(tr("Weight"));
    m_tabs->addTab(tr("Output"));
    m_tabs->addTab(tr("Channels"));
    m_tabs->addTab(tr("Error"));
    m_weight = new SitePage(core::SiteKind::Weight, document, selection, this);
    m_output = new SitePage(core::SiteKind::Output, document, selection, this);
    for (SitePage* const page : {m_weight, m_output}) {
        page->setCodingCosts(&workbench.codingCosts());
    }
    m_pages = new QStackedWidget(this);
    m_pages->addWidget(scrollable(m_weight, m_pages));
    m_pages->addWidget(scrollable(m_output, m_pages));
    m_pages->addWidget(new ChannelsPage(document, selection, this));
    m_pages->addWidget(new ErrorPage(workbench, this));
    auto* const column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_tabs);
    column->addWidget(m_pages, 1);

    connect(m_tabs, &QTabBar::currentChanged, this, [this](int tab) {
        m_pages->setCurrentIndex(tab);
        if (tab == Weight || tab == Output) {
            m_workbench.selection().setSite(tab == Weight ? core::SiteKind::Weight : core::SiteKind::Output);
        }
        Q_EMIT summaryChanged();
    });
    connect(&selection, &Selection::siteChanged, this,
            [this] { setTab(m_workbench.selection().site() == core::SiteKind::Weight ? Weight : Output); });
    connect(&selection, &Selection::currentChanged, this, &InspectorPanel::summaryChanged);
    connect(&document, &QuantDocument::modelChanged, this, &InspectorPanel::summaryChanged);
    for (SitePage* const page : {m_weight, m_output}) {
        connect(page, &SitePage::editRefused, this, &InspectorPanel::editRefused);
    }
    setTab(Output);
}

void InspectorPanel::setTab(Tab tab) {
    m_tabs->setCurrentIndex(tab);
}

QString InspectorPanel::summary() const {
    const core::LayerId& layer = m_workbench.selection().current();
    if (layer.empty()) {
        return {};
    }
    const QString title = layer == core::kInputLayer ? tr("input") : layerTitle(layer);
    return m_tabs->currentIndex() == Weight   ? tr("%1 · weight").arg(title)
           : m_tabs->currentIndex() == Output ? tr("%1 · output").arg(title)
                                              : title;
}

}  // namespace bitlathe::ui
