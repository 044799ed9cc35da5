/**
 * What waits is a set of lines, one for each queue, organisation, task and priority; in each the oldest comes first. The publishing
 * statement walks from the head of one line to the head of the next, so the index must hold a line together, and all its
 * columns must ascend: a comparison of whole rows is then one step in it.
 */
export const waitingLines = `
create index dispatches_lines on dispatches (queue, organisation_id, task, (-priority), id) where pool is null and ready;
drop index dispatches_waiting;
`;
