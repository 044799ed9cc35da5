import { z } from 'zod';

/**
 * Answer to `POST /api/v1/executions/{id}/cancel`. From then on the execution is STOPPED: no file of it starts or succeeds
 * any more, and what a worker is at stops within about a second, or is given up after 10 s. Results of the files that had
 * ended before can be read as ever. Cancelling again answers the same; an execution that ended otherwise is a 409.
 */
export const cancelledExecutionSchema = z.object({ execution_id: z.uuid(), status: z.literal('STOPPED') });
