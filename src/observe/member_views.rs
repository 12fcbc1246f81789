//! Members side by side: how long reads take, and what their metrics say at
//! the beginning and at the end of some seconds. Looks, and judges nothing;
//! writes made meanwhile are others' and are only noted here.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use crate::{
    model::{
        MemberId, World,
        diagnosis::{Latencies, MemberView},
        order::InOrder,
    },
    wire::Access,
};

use super::{metrics_page, read_latency, scrape};

/// Every member that answers, being watched.
#[derive(Debug)]
pub struct Watch {
    access: Access,
    began: Instant,
    watched: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    endpoint: String,
    metrics_url: Arc<str>,
    view: MemberView,
}

impl Watch {
    /// Takes the first look at the metrics of every member that answered to
    /// Status.
    pub async fn begin(world: &World, access: &Access) -> Watch {
        let answering = world.members.iter().filter(|member| member.status.is_ok());
        let watched = answering.map(|member| Watched {
            endpoint: member.endpoint.clone(),
            metrics_url: metrics_page::url(member, &world.node).into(),
            view: MemberView { id: member.id, ..MemberView::default() },
        });
        let watched = watched.collect();
        let mut watch = Watch { access: access.clone(), began: Instant::now(), watched };
        for (watched, (at_ms, page)) in watch.pages().await {
            match page {
                Ok(page) => watched.view.first = Some(scrape::read(&page, at_ms)),
                Err(why) => watched.view.no_metrics = Some(why),
            }
        }
        watch
    }

    /// Reads through every member for so long, and at most as long again as a
    /// read may take.
    pub async fn read(&mut self, window: Duration) {
        let endpoints = self.watched.iter().map(|watched| watched.endpoint.clone()).collect();
        let reads = read_latency::measure(endpoints, &self.access, window);
        // Nobody may be there to be read from; the histograms need the time.
        let (reads, ()) = tokio::join!(reads, tokio::time::sleep(window));
        for reads in reads {
            if let Some(watched) = self.watched.get_mut(reads.of) {
                watched.view.linearizable.append(reads.linearizable);
                watched.view.serializable.append(reads.serializable);
            }
        }
    }

    /// Looks at the metrics again: the end of the window, so far.
    pub async fn look_again(&mut self) {
        for (watched, (at_ms, page)) in self.pages().await {
            match page {
                Ok(page) => {
                    watched.view.second = Some(scrape::read(&page, at_ms));
                    watched.view.no_metrics = None;
                }
                Err(why) => watched.view.no_metrics = Some(why),
            }
        }
    }

    /// Notes writes that were made through a member.
    pub fn wrote(&mut self, through: MemberId, writes: Latencies) {
        if let Some(watched) = self.watched.iter_mut().find(|watched| watched.view.id == through) {
            watched.view.writes.append(writes);
        }
    }

    /// What was seen so far.
    #[must_use]
    pub fn views(&self) -> Vec<MemberView> {
        self.watched.iter().map(|watched| watched.view.clone()).collect()
    }

    /// Every member's page, or why there is none, and when it was had.
    async fn pages(
        &mut self,
    ) -> impl Iterator<Item = (&mut Watched, (f64, Result<String, String>))> {
        let mut fetches = JoinSet::new();
        for (order, watched) in self.watched.iter().enumerate() {
            let (url, access, began) =
                (watched.metrics_url.clone(), self.access.clone(), self.began);
            fetches.spawn(async move {
                let page = metrics_page::fetch(&url, &access).await;
                (order, (began.elapsed().as_secs_f64() * 1_000.0, page))
            });
        }
        let mut pages = fetches.join_all().await;
        pages.order_by_key(|(order, _)| *order);
        self.watched.iter_mut().zip(pages.into_iter().map(|(_, page)| page))
    }
}
