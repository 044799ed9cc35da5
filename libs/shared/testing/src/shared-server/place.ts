/** What a suite is told about its place on the shared server, as one line of JSON. */
export interface Place {
  readonly adminUrl: string;
  /** The role that owns all databases of suites, as in a URL. */
  readonly role: string;
  readonly password: string;
  /** Begins the names of this suite's databases, and of nobody else's. */
  readonly prefix: string;
}

/** Begins the names of templates, which are nobody's and stay. */
export const TEMPLATE_PREFIX = 'template_of_';
