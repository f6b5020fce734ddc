//! Work on the table's pages that does not change the data.

use super::Executor;
use super::log_room::{LogRoom, Round};
use crate::table::{TableError, TableWriter};

impl Executor {
    /// Frees some pages of dropped trees, up to `times` times as many as one group frees. Returns whether it changed
    /// anything. Pages that cannot be read are not freed.
    pub fn reclaim<R: LogRoom>(&mut self, round: &Round<'_, R>, times: usize) -> Result<bool, R::Error> {
        let pages_max = self.options.reclaim_pages_max * times;
        self.tidy(round, |table| table.reclaim(pages_max).map(|freed| freed > 0))
    }

    /// Moves pages down from the end of the table's file, so that the file can be made shorter. Returns whether it
    /// changed anything.
    pub fn move_down<R: LogRoom>(&mut self, round: &Round<'_, R>) -> Result<bool, R::Error> {
        self.tidy(round, TableWriter::move_down)
    }

    /// Does work on the table's pages that does not change the data. Returns whether it changed anything.
    fn tidy<R: LogRoom>(
        &mut self,
        round: &Round<'_, R>,
        work: impl FnOnce(&mut TableWriter) -> Result<bool, TableError>,
    ) -> Result<bool, R::Error> {
        let faults = self.table.table().faults();
        let outcome = work(&mut self.table);
        if self.table.table().faults() != faults {
            self.rebuild(&round.room)?;
            return Ok(false);
        }
        match outcome {
            Ok(changed) => Ok(changed),
            Err(error @ TableError::Corrupt { .. }) => {
                tracing::debug!("pages of the table cannot be freed or moved: {error}");
                Ok(true)
            }
            Err(error) => Err(error.into()),
        }
    }
}
