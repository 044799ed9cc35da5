import { cancelledExecutionSchema } from '../cancel.ts';
import { idParams, route } from './route.ts';

/** Ending work before its time. */
export const cancelRoutes = {
  cancelExecution: route({
    method: 'post',
    path: '/api/v1/executions/:id/cancel',
    area: 'public',
    auth: 'organisation',
    audit: 'execution.cancel',
    params: idParams,
    response: cancelledExecutionSchema,
    documentation: {
      summary: 'Cancel an execution',
      description:
        'From then on the execution is STOPPED: no file of it starts or succeeds any more, and what a worker is at stops ' +
        'within about a second, or is given up after 10 s. Results of files that had ended before can be read as ever. ' +
        'Cancelling again answers the same; an execution that ended otherwise is a conflict.',
      success: { 200: 'It is stopped, by this call or an earlier one' },
      errors: ['conflict', 'not_found'],
    },
  }),
};
