// Generated from api/openapi.json by `npm run types`. Do not edit.

export interface paths {
    "/automation/v1/pollers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How polling each device goes, slowest first */
        get: operations["listPollers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/credentials/v1/credentials": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Credentials, without their secrets */
        get: operations["listCredentials"];
        put?: never;
        /**
         * Make a credential
         * @description To replace the secret of one that exists, PUT it: that is said on purpose.
         */
        post: operations["createCredential"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/credentials/v1/credentials/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Make or replace a credential */
        put: operations["putCredential"];
        post?: never;
        /** Delete a credential that no device uses */
        delete: operations["deleteCredential"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/credentials/v1/credentials/{name}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Versions of a credential, without any secret
         * @description Also of one that was removed. They are kept for 400 days.
         */
        get: operations["listCredentialHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/credentials/v1/kinds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Kinds of credential, and what each is made of */
        get: operations["listCredentialKinds"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The process lives */
        get: operations["healthz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/identity/v1/one-time-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a new one-time password
         * @description For when the administrator's was lost. Signs everybody out. Only for a bearer token.
         */
        post: operations["makeOneTimePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/identity/v1/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /**
         * Change your password
         * @description Ends all your other sessions. For a user who is signed in: a bearer token has no password.
         */
        put: operations["changePassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/identity/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in */
        get: operations["getSession"];
        put?: never;
        /**
         * Sign in
         * @description Sets the cookie `opsc_session`.
         */
        post: operations["login"];
        /** Sign out */
        delete: operations["logout"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/device-groups": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Device groups, by name */
        get: operations["listDeviceGroups"];
        put?: never;
        /** Add a device group */
        post: operations["createDeviceGroup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/device-groups/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A device group
         * @description Its members are `GET /inventory/v1/devices?group=ID`.
         */
        get: operations["getDeviceGroup"];
        /** Replace a device group */
        put: operations["replaceDeviceGroup"];
        post?: never;
        /**
         * Remove a device group
         * @description Its devices stay.
         */
        delete: operations["deleteDeviceGroup"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/device-groups/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Versions of a device group
         * @description Also of one that was removed. They are kept for 400 days.
         */
        get: operations["listDeviceGroupHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/device-tests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Try a device before saving it
         * @description A device that does not answer is an answer: 200, with the step that failed and why.
         */
        post: operations["testDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/devices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Devices, worst first */
        get: operations["listDevices"];
        put?: never;
        /** Add a device */
        post: operations["createDevice"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/devices/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A device with its facts and history */
        get: operations["getDevice"];
        /** Replace a device */
        put: operations["replaceDevice"];
        post?: never;
        /**
         * Remove a device
         * @description Its history stays until its time is over. Groups that list it lose it.
         */
        delete: operations["deleteDevice"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/devices/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Versions of a device
         * @description Also of one that was removed. They are kept for 400 days.
         */
        get: operations["listDeviceHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/devices/{id}/interfaces": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Ports of a device with their newest values */
        get: operations["listInterfaces"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/profiles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Polling profiles */
        get: operations["listProfiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/inventory/v1/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How many devices are in which state */
        get: operations["getSummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All metrics of the process, as Prometheus text */
        get: operations["metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/monitoring/v1/anomalies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Anomalies, newest onset first */
        get: operations["listAnomalies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/monitoring/v1/devices/{id}/series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Series of a device with their newest values */
        get: operations["listSeries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/monitoring/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Live events
         * @description Server-sent events. `anomaly`: an AnomalyItem and its `transition` (onset, change, clear);
         *     `status`: {device, state, since, reason}; with `device`, also `samples`: {device, at, series:
         *     {series id: value}}; with `log=true`, also `log`: a LogLine; `reset`: events were missed, load
         *     afresh. A comment every 5 s. The stream ends after 15 minutes; browsers come back by themselves
         *     and miss nothing, also of another API process on the same event log, which may send events of the
         *     last ten seconds again. Samples and lines of the log are not sent again.
         */
        get: operations["streamEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/monitoring/v1/series/{id}/samples": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Samples of a series with what was expected
         * @description Takes the finest of raw, 5m, 1h, 1d that needs no more than `points` for the range; over two
         *     hours or less raw samples that are more are thinned to means.
         */
        get: operations["getSamples"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document */
        get: operations["openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every part of the system works */
        get: operations["readyz"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/schemas/ids/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A schema by its id
         * @description One that is not known is looked for on the log first: a newer process may have published it a
         *     moment ago.
         */
        get: operations["getSchema"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subjects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All subjects */
        get: operations["listSubjects"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subjects/{subject}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The versions of a subject */
        get: operations["listVersions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/subjects/{subject}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A version of a subject */
        get: operations["getVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/system/v1/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Warnings and errors of all processes of the last seven days, newest first */
        get: operations["listLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/system/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How the system is */
        get: operations["getSystemStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Data of the event `anomaly`. */
        AnomalyEvent: {
            /**
             * Format: int64
             * @description Of the last transition, ms since the epoch.
             */
            at: number;
            clear: components["schemas"]["AnomalyEvidence"] | null;
            /**
             * Format: int64
             * @description ms since the epoch; null while open.
             */
            cleared_at: number | null;
            /**
             * Format: uuid
             * @description Device id.
             */
            device: string;
            /** @description Its display name. */
            device_name: string;
            /**
             * Format: double
             * @description Expected.
             */
            expected: number;
            /** @description The same in onset, changes and clear. */
            id: string;
            /** @description E.g. a port's name; empty for the device itself. */
            instance: string;
            /**
             * Format: double
             * @description Lower edge of the band.
             */
            lower: number;
            /** @description Detector. */
            method: string;
            /** @description E.g. `if_in_bps`. */
            metric: string;
            /**
             * Format: int64
             * @description ms since the epoch.
             */
            onset_at: number;
            /** @description The sample with the highest score so far. */
            peak: components["schemas"]["AnomalyEvidence"];
            /**
             * Format: double
             * @description Distance from expected in units of the band's scale, the highest so far.
             */
            score: number;
            /** @description Series id, 16 hexadecimal digits. */
            series: string;
            /** @description Unit of the values. */
            unit: string;
            /**
             * Format: double
             * @description Upper edge of the band.
             */
            upper: number;
            /**
             * Format: double
             * @description Seen. Here and below an infinity reads as the largest finite number.
             */
            value: number;
            /**
             * Format: int32
             * @description Logic version of the detector.
             */
            version: number;
        } & {
            /** @description onset, change or clear. */
            transition: string;
        };
        /** @description A sample with what was expected of it. */
        AnomalyEvidence: {
            /**
             * Format: int64
             * @description ms since the epoch.
             */
            at: number;
            /**
             * Format: double
             * @description Expected.
             */
            expected: number;
            /**
             * Format: double
             * @description Lower edge of the band.
             */
            lower: number;
            /**
             * Format: double
             * @description Upper edge of the band.
             */
            upper: number;
            /**
             * Format: double
             * @description Seen.
             */
            value: number;
        };
        /**
         * @description An anomaly as it stands. `value`, `expected`, `lower` and `upper` are those of the sample that
         *     opened it.
         */
        AnomalyItem: {
            /**
             * Format: int64
             * @description Of the last transition, ms since the epoch.
             */
            at: number;
            clear: components["schemas"]["AnomalyEvidence"] | null;
            /**
             * Format: int64
             * @description ms since the epoch; null while open.
             */
            cleared_at: number | null;
            /**
             * Format: uuid
             * @description Device id.
             */
            device: string;
            /** @description Its display name. */
            device_name: string;
            /**
             * Format: double
             * @description Expected.
             */
            expected: number;
            /** @description The same in onset, changes and clear. */
            id: string;
            /** @description E.g. a port's name; empty for the device itself. */
            instance: string;
            /**
             * Format: double
             * @description Lower edge of the band.
             */
            lower: number;
            /** @description Detector. */
            method: string;
            /** @description E.g. `if_in_bps`. */
            metric: string;
            /**
             * Format: int64
             * @description ms since the epoch.
             */
            onset_at: number;
            /** @description The sample with the highest score so far. */
            peak: components["schemas"]["AnomalyEvidence"];
            /**
             * Format: double
             * @description Distance from expected in units of the band's scale, the highest so far.
             */
            score: number;
            /** @description Series id, 16 hexadecimal digits. */
            series: string;
            /** @description Unit of the values. */
            unit: string;
            /**
             * Format: double
             * @description Upper edge of the band.
             */
            upper: number;
            /**
             * Format: double
             * @description Seen. Here and below an infinity reads as the largest finite number.
             */
            value: number;
            /**
             * Format: int32
             * @description Logic version of the detector.
             */
            version: number;
        };
        /** @description One page of anomalies. */
        AnomalyPage: {
            /** @description This page. */
            items: components["schemas"]["AnomalyItem"][];
            /** @description Cursor of the next page; null at the end. */
            next_cursor: string | null;
            /**
             * Format: int64
             * @description How many match in all.
             */
            total: number;
        };
        /** @description What was expected, on the same step as the samples or the baseline's own, whichever is coarser. */
        Band: {
            /** @description Start of the bucket, ms since the epoch. */
            at: number[];
            /** @description Expected value. */
            expected: number[];
            /** @description Lower edge of the band; null: none. */
            lower: (number | null)[];
            /** @description Upper edge of the band; null: none. */
            upper: (number | null)[];
        };
        /** @description A credential without its secret. */
        Credential: {
            /**
             * Format: int64
             * @description ms since the epoch.
             */
            created_at: number;
            /**
             * Format: int64
             * @description How many devices use it.
             */
            devices: number;
            /** @description E.g. `snmp_v2c`. */
            kind: string;
            /** @description What devices refer to. */
            name: string;
            /**
             * Format: int64
             * @description ms since the epoch.
             */
            updated_at: number;
            /** @description Names of devices that use it, at most 5, by name. */
            used_by: string[];
        };
        /** @description One field of a kind. */
        CredentialField: {
            /** @description What a choice is made of; empty for texts. */
            choices: components["schemas"]["FieldChoice"][];
            /** @description What its values look like. */
            form: components["schemas"]["FieldForm"];
            /** @description For people; may be empty. */
            help: string;
            /** @description For people. */
            label: string;
            /**
             * Format: int64
             * @description Most characters of a text.
             */
            max_length: number | null;
            /**
             * Format: int64
             * @description Least characters of a text.
             */
            min_length: number | null;
            /**
             * @description Its name in the body.
             * @example community
             */
            name: string;
            /** @description It must be given, wherever it applies. */
            required: boolean;
            /** @description Not to be shown while it is typed. */
            secret: boolean;
            when: components["schemas"]["FieldCondition"] | null;
        };
        /** @description A secret to keep. */
        CredentialInput: {
            /**
             * Format: password
             * @description SNMP community; never shown again
             */
            community: string;
            /**
             * @description Decides which other fields there are.
             * @enum {string}
             */
            kind: "snmp_v2c";
        };
        /** @description A kind of credential, as a form shows it. */
        CredentialKind: {
            /** @description In the order of a form. */
            fields: components["schemas"]["CredentialField"][];
            /** @description What it is for, for people. */
            help: string;
            /** @description For people. */
            label: string;
            /**
             * @description What `kind` is set to.
             * @example snmp_v2c
             */
            name: string;
            /**
             * @description Protocols that are spoken with it.
             * @example [
             *       "snmp"
             *     ]
             */
            used_by: string[];
        };
        /** @description Kinds of credential. */
        CredentialKindList: {
            /** @description Those that something reads. */
            items: components["schemas"]["CredentialKind"][];
        };
        /** @description All credentials. */
        CredentialList: {
            /** @description By name. */
            items: components["schemas"]["Credential"][];
        };
        /** @description The database in use. */
        DatabaseStatus: {
            /**
             * Format: int64
             * @description Number of the last migration.
             */
            migration: number;
            /**
             * @description `postgres`, `timescale-apache` or `timescale-community`.
             * @example timescale-community
             */
            tier: string;
            /** @description The server's version. */
            version: string;
        };
        /** @description Devices by state. */
        DeviceCounts: {
            /**
             * Format: int64
             * @description Answering in part.
             */
            degraded: number;
            /**
             * Format: int64
             * @description Not answering.
             */
            down: number;
            /**
             * Format: int64
             * @description Not polled, or not for long.
             */
            unknown: number;
            /**
             * Format: int64
             * @description Answering.
             */
            up: number;
        };
        /** @description All about a device. */
        DeviceDetail: {
            /** @description IP address or host name; of a host name the fact `address_in_use` is the address. */
            address: string;
            /** @description Whether SNMP answers may come from another address than the one asked. */
            any_source: boolean;
            /** @description Name of a credential in the vault. */
            credential: string | null;
            /** @description Whether it is polled at all. */
            enabled: boolean;
            /** @description Whether loss and round-trip time are measured. */
            icmp: boolean;
            /**
             * Format: int64
             * @description Newest answer to a ping, ms since the epoch.
             */
            icmp_answer_at: number | null;
            /**
             * Format: int32
             * @description Echo requests a poll; null: as the pollers are configured.
             */
            icmp_echoes: number | null;
            /**
             * Format: int64
             * @description Time between echo requests.
             */
            icmp_spacing_ms: number | null;
            /**
             * Format: int64
             * @description How long the reply to the last echo request is waited for.
             */
            icmp_timeout_ms: number | null;
            /**
             * Format: uuid
             * @description Identity for life.
             */
            id: string;
            /**
             * Format: int64
             * @description Number of interfaces known.
             */
            interfaces: number;
            /**
             * Format: int64
             * @description Time between two polls.
             */
            interval_ms: number;
            /**
             * Format: int64
             * @description Newest answer by any protocol, ms since the epoch.
             */
            last_answer_at: number | null;
            /**
             * Format: int64
             * @description Newest sample of a poll that was answered, ms since the epoch; null when none ever was.
             */
            last_sample_at: number | null;
            /** @description Display name. */
            name: string;
            /**
             * Format: int64
             * @description Anomalies that have not cleared.
             */
            open_anomalies: number;
            /**
             * Format: int32
             * @description SNMP UDP port.
             */
            port: number;
            /** @description Polling profile; `auto` chooses by sysObjectID. */
            profile: string;
            /** @description Why, with the remedy where there is one. */
            reason: string;
            /**
             * Format: int64
             * @description Grows with each change; what ETag has and If-Match takes.
             */
            revision: number;
            /**
             * Format: int64
             * @description Since when it is in that state, ms since the epoch.
             */
            since: number;
            /** @description Where it stands. */
            site: string | null;
            /** @description Whether it is polled by SNMP. */
            snmp: boolean;
            /**
             * Format: int64
             * @description Newest answer by SNMP, ms since the epoch. Ports and their rates are as old as this.
             */
            snmp_answer_at: number | null;
            /** @description Who maintains it: api, file, demo, netbox. */
            source: string;
            /**
             * Format: int64
             * @description What was answered longer ago than this, three intervals, is stale.
             */
            stale_after_ms: number;
            /** @description Availability. */
            state: components["schemas"]["State"];
            /** @description Free words. */
            tags: string[];
        } & {
            /** @description Texts known of the device itself, by name: sys_descr, sys_name, … */
            facts: {
                [key: string]: string;
            };
            /** @description Newest first, at most 100. */
            status_history: components["schemas"]["StatusChange"][];
            /**
             * Format: int64
             * @description When the inventory last changed it, ms since the epoch.
             */
            updated_at: number;
            /** @description Who changed it last: a user, `token` for the command line, else its source. */
            updated_by: string;
        };
        /**
         * @description Devices that belong together: those listed, and, where a site or tags are given, those of the
         *     site and with all of the tags.
         */
        DeviceGroup: {
            /** @description For people; may have several lines. */
            description: string;
            /** @description Ids of devices that are members whatever their site and tags. */
            devices: string[];
            /**
             * Format: uuid
             * @description Identity for life.
             */
            id: string;
            /**
             * Format: int64
             * @description How many devices are members now.
             */
            members: number;
            /** @description Display name; no other group has it, in whatever case. */
            name: string;
            /**
             * Format: int64
             * @description Grows with each change; what ETag has and If-Match takes.
             */
            revision: number;
            /** @description Devices of this site are members. */
            site: string | null;
            /** @description Devices with all of these tags are members. */
            tags: string[];
            /**
             * Format: int64
             * @description When it was changed last, ms since the epoch.
             */
            updated_at: number;
            /** @description Who changed it last: a user, or `token` for the command line. */
            updated_by: string;
        };
        /** @description A group. Fields left out are empty, also on PUT, which replaces all of them. */
        DeviceGroupInput: {
            /** @description For people; may have several lines. */
            description?: string | null;
            /** @description Ids of devices that are members whatever their site and tags. */
            devices?: string[] | null;
            /** @description Display name; no other group may have it, in whatever case. */
            name: string;
            /** @description Devices of this site are members. */
            site?: string | null;
            /** @description Devices with all of these tags are members. */
            tags?: components["schemas"]["Tag"][] | null;
        };
        /** @description One page of groups. */
        DeviceGroupPage: {
            /** @description By name. */
            items: components["schemas"]["DeviceGroup"][];
            /** @description Cursor of the next page; null at the end. */
            next_cursor: string | null;
            /**
             * Format: int64
             * @description How many match in all.
             */
            total: number;
        };
        /** @description What to poll. Fields left out take the default, also on PUT, which replaces all of them. */
        DeviceInput: {
            /**
             * @description IP address, v4 or v6 (a link-local one with its zone, `fe80::1%eth0`), or host name.
             * @example 192.0.2.10
             */
            address: string;
            /**
             * @description Take SNMP answers from another address than the one asked.
             * @default false
             */
            any_source: boolean | null;
            /** @description Name of a credential in the vault. */
            credential?: string | null;
            /**
             * @description Poll it at all.
             * @default true
             */
            enabled: boolean | null;
            /**
             * @description Measure loss and round-trip time.
             * @default true
             */
            icmp: boolean | null;
            /**
             * Format: int64
             * @description Echo requests a poll; as the pollers are configured when left out.
             */
            icmp_echoes?: number | null;
            /**
             * Format: int64
             * @description Time between echo requests.
             */
            icmp_spacing_ms?: number | null;
            /**
             * Format: int64
             * @description How long the reply to the last echo request is waited for.
             */
            icmp_timeout_ms?: number | null;
            /**
             * Format: int64
             * @description Time between two polls.
             * @default 60000
             */
            interval_ms: number | null;
            /** @description Display name; the address when left out. */
            name?: string | null;
            /**
             * Format: int64
             * @description SNMP UDP port.
             * @default 161
             */
            port: number | null;
            /**
             * @description Polling profile, one of /inventory/v1/profiles.
             * @default auto
             */
            profile: string | null;
            /** @description Where it stands. */
            site?: string | null;
            /** @description Poll by SNMP, which takes a credential; left out: where there is one. */
            snmp?: boolean | null;
            /** @description Free words. */
            tags?: components["schemas"]["Tag"][] | null;
        };
        /** @description One page of devices. */
        DevicePage: {
            /** @description This page. */
            items: components["schemas"]["DeviceSummary"][];
            /** @description Cursor of the next page; null at the end. */
            next_cursor: string | null;
            /**
             * Format: int64
             * @description How many match in all.
             */
            total: number;
        };
        /**
         * @description Order of a list of devices.
         * @enum {string}
         */
        DeviceSort: "state" | "name" | "site" | "anomalies" | "last_sample";
        /** @description A device in a list. */
        DeviceSummary: {
            /** @description IP address or host name; of a host name the fact `address_in_use` is the address. */
            address: string;
            /** @description Whether SNMP answers may come from another address than the one asked. */
            any_source: boolean;
            /** @description Name of a credential in the vault. */
            credential: string | null;
            /** @description Whether it is polled at all. */
            enabled: boolean;
            /** @description Whether loss and round-trip time are measured. */
            icmp: boolean;
            /**
             * Format: int64
             * @description Newest answer to a ping, ms since the epoch.
             */
            icmp_answer_at: number | null;
            /**
             * Format: int32
             * @description Echo requests a poll; null: as the pollers are configured.
             */
            icmp_echoes: number | null;
            /**
             * Format: int64
             * @description Time between echo requests.
             */
            icmp_spacing_ms: number | null;
            /**
             * Format: int64
             * @description How long the reply to the last echo request is waited for.
             */
            icmp_timeout_ms: number | null;
            /**
             * Format: uuid
             * @description Identity for life.
             */
            id: string;
            /**
             * Format: int64
             * @description Number of interfaces known.
             */
            interfaces: number;
            /**
             * Format: int64
             * @description Time between two polls.
             */
            interval_ms: number;
            /**
             * Format: int64
             * @description Newest answer by any protocol, ms since the epoch.
             */
            last_answer_at: number | null;
            /**
             * Format: int64
             * @description Newest sample of a poll that was answered, ms since the epoch; null when none ever was.
             */
            last_sample_at: number | null;
            /** @description Display name. */
            name: string;
            /**
             * Format: int64
             * @description Anomalies that have not cleared.
             */
            open_anomalies: number;
            /**
             * Format: int32
             * @description SNMP UDP port.
             */
            port: number;
            /** @description Polling profile; `auto` chooses by sysObjectID. */
            profile: string;
            /** @description Why, with the remedy where there is one. */
            reason: string;
            /**
             * Format: int64
             * @description Grows with each change; what ETag has and If-Match takes.
             */
            revision: number;
            /**
             * Format: int64
             * @description Since when it is in that state, ms since the epoch.
             */
            since: number;
            /** @description Where it stands. */
            site: string | null;
            /** @description Whether it is polled by SNMP. */
            snmp: boolean;
            /**
             * Format: int64
             * @description Newest answer by SNMP, ms since the epoch. Ports and their rates are as old as this.
             */
            snmp_answer_at: number | null;
            /** @description Who maintains it: api, file, demo, netbox. */
            source: string;
            /**
             * Format: int64
             * @description What was answered longer ago than this, three intervals, is stale.
             */
            stale_after_ms: number;
            /** @description Availability. */
            state: components["schemas"]["State"];
            /** @description Free words. */
            tags: string[];
        };
        /** @description A device to try; it need not exist. */
        DeviceTestInput: {
            /**
             * @description IP address, v4 or v6, or host name.
             * @example 192.0.2.10
             */
            address: string;
            /**
             * @description An SNMP answer may come from another address.
             * @default false
             */
            any_source: boolean | null;
            /** @description Name of a credential in the vault. */
            credential?: string | null;
            /**
             * Format: int32
             * @description SNMP UDP port.
             * @default 161
             */
            port: number | null;
            /**
             * @description Polling profile.
             * @default auto
             */
            profile: string | null;
        };
        /** @description One of a field's values. */
        FieldChoice: {
            /** @description For people. */
            label: string;
            /** @description As it is sent. */
            value: string;
        };
        /** @description A field applies where another has one of these values. */
        FieldCondition: {
            /** @description The other field, which stands before this one. */
            field: string;
            /** @description Its values. */
            is: string[];
        };
        /** @description One thing wrong with one field. */
        FieldError: {
            /** @description What is wrong and what would be right. */
            detail: string;
            /** @description Name of the field or parameter. */
            field: string;
        };
        /**
         * @description What values look like.
         * @enum {string}
         */
        FieldForm: "text" | "lines" | "choice";
        /** @description A sample missing on purpose. */
        GapItem: {
            /**
             * Format: int64
             * @description ms since the epoch.
             */
            at: number;
            /** @description first, reset, discontinuity, gap, implausible, moved, wrap, not_present or unknown. */
            reason: string;
        };
        /** @description A time without samples. */
        GapSpan: {
            /**
             * Format: int64
             * @description Begin, ms since the epoch.
             */
            from: number;
            /** @description Why, as in the gaps; no_answer where no poll gave anything. */
            reason: string;
            /**
             * Format: int64
             * @description End, ms since the epoch.
             */
            to: number;
        };
        /** @description It is well. */
        Health: {
            /** @description `ok`. */
            status: string;
        };
        /** @description A port. */
        Interface: {
            /** @description Wanted state: up, down, testing. */
            admin_status: string | null;
            /** @description ifAlias: what the operator called it. */
            alias: string;
            /**
             * Format: int64
             * @description ifIndex; may change at a restart.
             */
            index: number | null;
            /**
             * Format: int64
             * @description Newest sample of any of its series, ms since the epoch.
             */
            last_sample_at: number | null;
            /** @description ifPhysAddress. */
            mac: string | null;
            /** @description Newest values of all its series, by metric. */
            metrics: components["schemas"]["InterfaceMetric"][];
            /** @description ifName (RFC 2863). */
            name: string;
            /** @description Real state: up, down, testing, unknown, dormant, not_present, lower_layer_down. */
            oper_status: string | null;
            /** @description False: its row is gone from the device's tables, or its card is. */
            present: boolean;
            /**
             * Format: double
             * @description Bits per second; null when the device does not know it.
             */
            speed_bps: number | null;
        };
        /** @description Ports of a device. */
        InterfaceList: {
            /**
             * Format: int64
             * @description When the device answered SNMP last, ms since the epoch: so old is all of this.
             */
            answered_at: number | null;
            /** @description By index, then name. */
            items: components["schemas"]["Interface"][];
            /** @description Cursor of the next page; null at the end. */
            next_cursor: string | null;
            /**
             * Format: int64
             * @description What was answered longer ago than this, three intervals, is stale.
             */
            stale_after_ms: number;
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description The newest value of one metric of an interface. */
        InterfaceMetric: {
            /**
             * Format: int64
             * @description When it was measured, ms since the epoch.
             */
            at: number | null;
            /** @description E.g. `if_in_bps`. */
            metric: string;
            /** @description Whether an anomaly of this series is open. */
            open_anomaly: boolean;
            /** @description Series id. */
            series: string;
            /** @description Unit of the value. */
            unit: string;
            /**
             * Format: double
             * @description Newest value of the last 2 days.
             */
            value: number | null;
        };
        /** @description A warning or an error of a process. */
        LogLine: {
            /**
             * Format: int64
             * @description By the clock of the process, ms since the epoch.
             */
            at: number;
            /** @description The component that it is about, else the thread that said it. */
            component: string;
            /** @description What it was said with. */
            fields: {
                [key: string]: string;
            };
            /**
             * @description The process: its roles and name.
             * @example connect@host-1
             */
            instance: string;
            /**
             * @description `warn` or `error`.
             * @example warn
             */
            level: string;
            /** @description What was said. */
            message: string;
            /**
             * Format: int64
             * @description Lines of the same place in the program that were left out before this one.
             */
            suppressed: number;
            /** @description The module that said it. */
            target: string;
        };
        /** @description One page of lines. */
        LogPage: {
            /** @description This page. */
            items: components["schemas"]["LogLine"][];
            /** @description Cursor of the next page; null at the end. */
            next_cursor: string | null;
        };
        /** @description The event log in use. */
        LogStatus: {
            /** @description The log's UUID. */
            id: string;
            /**
             * @description `kafka` or `embedded`.
             * @example embedded
             */
            kind: string;
        };
        /** @description Name and password. */
        LoginInput: {
            /**
             * Format: password
             * @description Password.
             */
            password: string;
            /**
             * @description User name.
             * @example admin
             */
            username: string;
        };
        /** @description A credential to make. */
        NewCredentialInput: {
            /**
             * Format: password
             * @description SNMP community; never shown again
             */
            community: string;
            /**
             * @description Decides which other fields there are.
             * @enum {string}
             */
            kind: "snmp_v2c";
            /** @description What devices will refer to: letters, digits, dot, dash, underscore. */
            name: string;
        };
        /** @description A password that is shown this once. */
        OneTimePassword: {
            /** @description For the next sign-in; to be changed then. */
            password: string;
            /** @description Whose. */
            username: string;
        };
        /** @description The password that is, and the one that shall be. */
        PasswordInput: {
            /**
             * Format: password
             * @description The one you signed in with.
             */
            current_password: string;
            /**
             * Format: password
             * @description The new one.
             */
            new_password: string;
        };
        /** @description How polling goes. */
        PollerList: {
            /** @description Slowest first. */
            items: components["schemas"]["PollerTiming"][];
            /**
             * Format: int64
             * @description How many there are in all.
             */
            total: number;
        };
        /** @description How polling one device goes. */
        PollerTiming: {
            /** @description `snmp` or `icmp`. */
            connector: string;
            /**
             * Format: uuid
             * @description Device id.
             */
            device: string;
            /** @description Its display name. */
            device_name: string;
            /**
             * @description The process that polled it last.
             * @example connect@host-1
             */
            instance: string;
            /**
             * Format: int64
             * @description End of the last poll, ms since the epoch.
             */
            last_at: number | null;
            /**
             * Format: int64
             * @description Duration of the last poll.
             */
            last_duration_ms: number | null;
            /** @description E.g. `ok`, `timeout`, `no_credential`. */
            last_outcome: string | null;
            /**
             * Format: int64
             * @description Requests sent since the start.
             */
            requests: number;
            /** @description The table whose requests waited longest for answers in the last poll. */
            slowest_table: string | null;
            /**
             * Format: int64
             * @description How long they waited; requests that wait side by side count each.
             */
            slowest_table_ms: number | null;
            /**
             * Format: int64
             * @description Requests without an answer since the start.
             */
            timeouts: number;
        };
        /** @description What a device test found. */
        ProbeReport: {
            /**
             * Format: int64
             * @description Number of interfaces.
             */
            interfaces: number | null;
            /** @description The profile that would be used. */
            profile: string | null;
            /** @description In the order tried. */
            steps: components["schemas"]["ProbeStep"][];
            /** @description sysDescr (RFC 3418). */
            sys_descr: string | null;
            /** @description sysName (RFC 3418). */
            sys_name: string | null;
        };
        /** @description One step of a device test. */
        ProbeStep: {
            /** @description What was seen, or why not and how to fix it. */
            detail: string;
            /**
             * Format: int64
             * @description How long the step took.
             */
            duration_ms: number;
            /**
             * @description `icmp` or `snmp`.
             * @example snmp
             */
            name: string;
            /** @description Whether the device answered. */
            ok: boolean;
        };
        /** @description An error (RFC 9457). */
        Problem: {
            /** @description What was wrong this time, and what fixes it. */
            detail: string;
            /** @description Every field that is wrong; empty for problems that are not about fields. */
            errors: components["schemas"]["FieldError"][];
            /** @description The path asked for. */
            instance: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The kind of problem, for people. */
            title: string;
            /**
             * @description Names the kind of problem; stable, for programs.
             * @example urn:opsconductor:problem:invalid-fields
             */
            type: string;
        };
        /** @description One process of the system. */
        ProcessInfo: {
            /** @description Sums since it started, and sizes, by name. */
            figures: {
                [key: string]: number;
            };
            /** @description Name of its machine. */
            host: string;
            /**
             * @description Its roles and name.
             * @example connect@host-1
             */
            instance: string;
            /** @description What it does: `connect`, `process`, `sink`, `api`. */
            roles: string[];
            /**
             * Format: int64
             * @description Since when it is so, ms since the epoch; of one that is gone, when it wrote last.
             */
            since: number;
            /**
             * Format: int64
             * @description ms since the epoch, by its own clock.
             */
            started_at: number;
            /**
             * @description `running`, `stopping` (it was asked to end), `ended` (in order), `failed` (a component made
             *     it end) or `gone` (it has written nothing for 30 s).
             * @example running
             */
            state: string;
            /** @description Of the program. */
            version: string;
        };
        /** @description Names of polling profiles. */
        ProfileList: {
            /** @description `auto` first, then by name. */
            items: string[];
        };
        /** @description An error of the schema registry's API: a problem that its clients can read too. */
        RegistryProblem: {
            /** @description What was wrong this time, and what fixes it. */
            detail: string;
            /** @description Every field that is wrong; empty for problems that are not about fields. */
            errors: components["schemas"]["FieldError"][];
            /** @description The path asked for. */
            instance: string;
            /**
             * Format: int32
             * @description The HTTP status.
             */
            status: number;
            /** @description The kind of problem, for people. */
            title: string;
            /**
             * @description Names the kind of problem; stable, for programs.
             * @example urn:opsconductor:problem:invalid-fields
             */
            type: string;
        } & {
            /**
             * Format: int32
             * @description The registry's code: 40401 no such subject, 40402 no such version, 40403 no such schema,
             *     42202 no number of a version.
             * @example 40403
             */
            error_code: number;
            /** @description As detail. */
            message: string;
        };
        /**
         * @description How fine a series is shown.
         * @enum {string}
         */
        Resolution: "raw" | "5m" | "1h" | "1d";
        /** @description One component of a process. */
        RoleStatus: {
            /** @description For people. */
            detail: string;
            /**
             * @description Roles and name of the process that runs it, e.g. `process@host-1`.
             * @example process@host-1
             */
            instance: string;
            /**
             * Format: int64
             * @description Records behind the end of its topics, where that has a meaning.
             */
            lag: number | null;
            /**
             * Format: int64
             * @description Age of the oldest record that it has not done, at most; 0 at the end of its topics.
             */
            lag_ms: number | null;
            /** @description E.g. `connect poller`, `process route`, `sink sample`. */
            name: string;
            /** @description The partitions of its topic that it holds, or held last. */
            partitions: number[];
            /**
             * Format: int64
             * @description Since when it is, or is not, running, ms since the epoch.
             */
            since: number;
            /** @description `running`, `waiting`, `stalled`, `failed`, or `gone` when its process is. */
            state: string;
        };
        /** @description A series over a range. */
        Samples: {
            /** @description Anomalies of the series that overlap the range, oldest first; the newest 500. */
            anomalies: components["schemas"]["AnomalyItem"][];
            /** @description Time of each point (raw), start of each bucket else, ms since the epoch, ascending. */
            at: number[];
            /** @description What was expected. */
            baseline: components["schemas"]["Band"];
            /**
             * Format: int64
             * @description Width of a bucket; for raw 0, or what one point is the mean of where samples are denser than
             *     the points wanted.
             */
            bucket_ms: number;
            /** @description Why there is no point, and the remedy; null when there are points. */
            empty_reason: string | null;
            /**
             * Format: int64
             * @description Begin of the range, included, ms since the epoch.
             */
            from: number;
            /**
             * @description Where nothing was measured, oldest first, by the interval in effect then. Each has a null
             *     among the values, but for one that reaches the end.
             */
            gap_spans: components["schemas"]["GapSpan"][];
            /** @description Why samples are missing, oldest first; the newest 500. */
            gaps: components["schemas"]["GapItem"][];
            /**
             * Format: int64
             * @description Time between two polls at the end of the range, as the polls said.
             */
            interval_ms: number;
            /** @description Largest in each bucket; empty where points are samples. */
            max: (number | null)[];
            /** @description Smallest in each bucket; empty where points are samples. */
            min: (number | null)[];
            /**
             * Format: int64
             * @description Newest sample of the series, ms since the epoch; null when there is none.
             */
            newest_at: number | null;
            /** @description Why the baseline is empty; null when it is not. */
            no_baseline_reason: string | null;
            /** @description How fine. */
            resolution: components["schemas"]["Resolution"];
            /**
             * Format: int64
             * @description Begin of the first bucket that has not closed, ms since the epoch: from there on points are
             *     made of finer data and still change. Null where there is none.
             */
            running_from: number | null;
            /** @description Whose. */
            series: components["schemas"]["SeriesRef"];
            /**
             * Format: int64
             * @description End of the range, excluded, ms since the epoch.
             */
            to: number;
            /** @description Value or mean; null: the line breaks here. */
            value: (number | null)[];
        };
        /** @description Data of the event `samples`. */
        SamplesEvent: {
            /**
             * Format: int64
             * @description When the poll began, ms since the epoch.
             */
            at: number;
            /**
             * Format: uuid
             * @description Device id.
             */
            device: string;
            /** @description Value by series id. */
            series: {
                [key: string]: number;
            };
        };
        /** @description An Avro schema. */
        SchemaText: {
            /** @description Its JSON text. */
            schema: string;
            /** @description Always AVRO. */
            schemaType: string;
        };
        /** @description A series with its newest value. */
        SeriesItem: {
            /**
             * Format: int64
             * @description When it was measured, ms since the epoch.
             */
            at: number | null;
            /** @description Series id, 16 hexadecimal digits. */
            id: string;
            /** @description E.g. a port's name; empty for the device itself. */
            instance: string;
            /** @description E.g. `if_in_bps`. */
            metric: string;
            /** @description Whether an anomaly of this series is open. */
            open_anomaly: boolean;
            /** @description Unit of the value. */
            unit: string;
            /**
             * Format: double
             * @description Newest value of the last 2 days.
             */
            value: number | null;
        };
        /** @description All series of a device. */
        SeriesList: {
            /** @description By instance, then metric. */
            items: components["schemas"]["SeriesItem"][];
        };
        /** @description Whose samples these are. */
        SeriesRef: {
            /**
             * Format: uuid
             * @description Device id.
             */
            device: string;
            /** @description Its display name. */
            device_name: string;
            /** @description Series id, 16 hexadecimal digits. */
            id: string;
            /** @description E.g. a port's name; empty for the device itself. */
            instance: string;
            /** @description E.g. `if_in_bps`. */
            metric: string;
            /** @description Unit of all values. */
            unit: string;
        };
        /** @description Who is signed in. */
        Session: {
            /**
             * Format: int64
             * @description When the session ends unless it is used before, ms since the epoch; null for a bearer
             *     token.
             */
            expires_at: number | null;
            /** @description The password is one that the program made and showed once: change it. */
            one_time_password: boolean;
            /** @description User name; `token` for a bearer token. */
            username: string;
        };
        /**
         * @description Availability of a device.
         * @enum {string}
         */
        State: "up" | "degraded" | "down" | "unknown";
        /** @description A state that the device entered. */
        StatusChange: {
            /** @description Why. */
            reason: string;
            /**
             * Format: int64
             * @description When it was entered, ms since the epoch.
             */
            since: number;
            /** @description The state. */
            state: components["schemas"]["State"];
        };
        /** @description Data of the event `status`. */
        StatusEvent: {
            /**
             * Format: uuid
             * @description Device id.
             */
            device: string;
            /** @description Why, with the remedy where there is one. */
            reason: string;
            /**
             * Format: int64
             * @description When, ms since the epoch.
             */
            since: number;
            /** @description The state that it entered. */
            state: components["schemas"]["State"];
        };
        /** @description A version of a subject. */
        SubjectVersion: {
            /** @description The id in front of every datum. */
            id: components["schemas"]["u32"];
            /** @description Its JSON text. */
            schema: string;
            /** @description Always AVRO. */
            schemaType: string;
            /** @description Full name of the record. */
            subject: string;
            /** @description Counts from 1. */
            version: number;
        };
        /** @description The whole network in four lines. */
        Summary: {
            /** @description Devices by state. */
            devices: components["schemas"]["DeviceCounts"];
            /**
             * Format: int64
             * @description Newest sample of all, ms since the epoch: how fresh everything is.
             */
            newest_sample_at: number | null;
            /**
             * Format: int64
             * @description Anomalies that have not cleared.
             */
            open_anomalies: number;
            /**
             * Format: int64
             * @description Shortest time between two polls of a device that is polled, ms: how old that may be.
             */
            shortest_interval_ms: number | null;
        };
        /** @description How the system is. */
        SystemStatus: {
            /** @description The database. */
            database: components["schemas"]["DatabaseStatus"];
            /**
             * @description The process that answers.
             * @example api@host-1
             */
            instance: string;
            /** @description The event log. */
            log: components["schemas"]["LogStatus"];
            /**
             * @description All processes: those that run, that ended in the last ten minutes, and that are gone until
             *     they are forgotten (a day, unless configured otherwise).
             */
            processes: components["schemas"]["ProcessInfo"][];
            /** @description The components of all processes. */
            roles: components["schemas"]["RoleStatus"][];
            /**
             * Format: int64
             * @description When the process that answers started, ms since the epoch.
             */
            started_at: number;
            /** @description Parts that are missing or stand still; empty: everything works. */
            troubles: components["schemas"]["Trouble"][];
            /** @description Of the process that answers. */
            version: string;
            /**
             * @description What a person should do something about, each with the remedy; what is about one process
             *     begins with its name.
             */
            warnings: string[];
        };
        /** @description A free word on a device. */
        Tag: string;
        /** @description A part of the system that does not work. */
        Trouble: {
            /** @description What is wrong and the remedy, for people. */
            detail: string;
            /**
             * @description The group of readers, or the component.
             * @example device
             */
            part: string;
            /** @description The role whose processes do it: `connect`, `process` or `sink`; empty for anything else. */
            role: string;
            /**
             * Format: int64
             * @description Since when at least, ms since the epoch.
             */
            since: number;
        };
        /** @description An entity as it was from one change to the next. */
        Version: {
            /**
             * Format: int64
             * @description When it was changed, ms since the epoch.
             */
            at: number;
            /** @description All of it, without any secret; null: it was removed. */
            body: {
                [key: string]: unknown;
            } | null;
            /** @description Who did it: a user, `token` for the command line, else the source, e.g. `file`. */
            by: string;
            /** @description What it is called. */
            name: string;
            /** @description Whether it exists from then on; false: it was removed. */
            present: boolean;
            /**
             * Format: int64
             * @description Grows with each change; what ETag has.
             */
            revision: number;
        };
        /** @description Versions of an entity. */
        VersionPage: {
            /** @description Newest first. */
            items: components["schemas"]["Version"][];
            /** @description Cursor of the next page; null at the end. */
            next_cursor: string | null;
        };
        /** Format: int32 */
        u32: number;
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listPollers: {
        parameters: {
            query?: {
                /** @description Most items wanted; 200 when left out */
                limit?: number;
                /** @description Only of this device, one item a connector */
                device?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The slowest */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PollerList"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCredentials: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All credentials */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialList"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createCredential: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewCredentialInput"];
            };
        };
        responses: {
            /** @description Kept, sealed */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Credential"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is one of that name; nothing was changed */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    putCredential: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Letters, digits, dot, dash, underscore */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CredentialInput"];
            };
        };
        responses: {
            /** @description Kept, sealed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Credential"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The vault refuses this */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteCredential: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Devices use it */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCredentialHistory: {
        parameters: {
            query?: {
                /** @description Most items wanted; 50 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Its name */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page, newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionPage"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCredentialKinds: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All that can be made */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CredentialKindList"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    healthz: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    makeOneTimePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The old password is void */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OneTimePassword"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not with a session: only with a bearer token */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordInput"];
            };
        };
        responses: {
            /** @description The new password counts from now on */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Sent from another site, or with a bearer token */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It was changed elsewhere at the same time */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many failed attempts; Retry-After says how long to wait */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description You are */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LoginInput"];
            };
        };
        responses: {
            /** @description Signed in */
            200: {
                headers: {
                    /** @description The session */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description User name or password is wrong */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many failed attempts; Retry-After says how long to wait */
            429: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session is revoked */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceGroups: {
        parameters: {
            query?: {
                /** @description Part of name, description, site or a tag */
                q?: string;
                /** @description Most items wanted; 100 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceGroupPage"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDeviceGroup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceGroupInput"];
            };
        };
        responses: {
            /** @description The group; its path is in Location */
            201: {
                headers: {
                    /** @description Its revision, for If-Match */
                    ETag?: string;
                    /** @description Path of the group */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceGroup"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDeviceGroup: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Group id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The group */
            200: {
                headers: {
                    /** @description Its revision, for If-Match */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceGroup"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDeviceGroup: {
        parameters: {
            query?: never;
            header?: {
                /** @description The revision it is meant for, as ETag has it; left out, or *: whichever there is */
                "If-Match"?: string;
            };
            path: {
                /** @description Group id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceGroupInput"];
            };
        };
        responses: {
            /** @description The group as it is now */
            200: {
                headers: {
                    /** @description Its revision, for If-Match */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceGroup"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Somebody changed it meanwhile; ETag has its revision now */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDeviceGroup: {
        parameters: {
            query?: never;
            header?: {
                /** @description The revision it is meant for, as ETag has it; left out, or *: whichever there is */
                "If-Match"?: string;
            };
            path: {
                /** @description Group id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Somebody changed it meanwhile; ETag has its revision now */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceGroupHistory: {
        parameters: {
            query?: {
                /** @description Most items wanted; 50 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Group id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page, newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionPage"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    testDevice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceTestInput"];
            };
        };
        responses: {
            /** @description What was found */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProbeReport"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The prober refuses this */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDevices: {
        parameters: {
            query?: {
                /** @description Part of name, address, site or a tag */
                q?: string;
                /** @description Only devices in this state */
                state?: components["schemas"]["State"];
                /** @description Only devices of this site */
                site?: string;
                /** @description Only members of this device group */
                group?: string;
                /** @description Order; `state` when left out */
                sort?: components["schemas"]["DeviceSort"];
                /** @description Most items wanted; 100 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before, with the same sort */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DevicePage"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createDevice: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceInput"];
            };
        };
        responses: {
            /** @description The device; its path is in Location */
            201: {
                headers: {
                    /** @description Its revision, for If-Match */
                    ETag?: string;
                    /** @description Path of the device */
                    Location?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceSummary"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDevice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Device id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The device */
            200: {
                headers: {
                    /** @description Its revision, for If-Match */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceDetail"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replaceDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description The revision it is meant for, as ETag has it; left out, or *: whichever there is */
                "If-Match"?: string;
            };
            path: {
                /** @description Device id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["DeviceInput"];
            };
        };
        responses: {
            /** @description The device as it is now */
            200: {
                headers: {
                    /** @description Its revision, for If-Match */
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DeviceSummary"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Somebody changed it meanwhile; ETag has its revision now */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is not JSON */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteDevice: {
        parameters: {
            query?: never;
            header?: {
                /** @description The revision it is meant for, as ETag has it; left out, or *: whichever there is */
                "If-Match"?: string;
            };
            path: {
                /** @description Device id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Somebody changed it meanwhile; ETag has its revision now */
            412: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeviceHistory: {
        parameters: {
            query?: {
                /** @description Most items wanted; 50 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Device id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page, newest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VersionPage"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listInterfaces: {
        parameters: {
            query?: {
                /** @description Most items wanted; 50000 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Device id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page, or all ports */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InterfaceList"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProfiles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All profiles */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProfileList"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSummary: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The counts */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Summary"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Prometheus text format 0.0.4 */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAnomalies: {
        parameters: {
            query?: {
                /** @description true: only those that have not cleared; false: only those that have */
                open?: boolean;
                /** @description Only of this device */
                device?: string;
                /** @description Only of this series */
                series?: string;
                /** @description Only those that lasted until then or later, ms since the epoch */
                from?: number;
                /** @description Only those that began by then, ms since the epoch */
                to?: number;
                /** @description Most items wanted; 100 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page; total counts to 100000 */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AnomalyPage"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSeries: {
        parameters: {
            query?: {
                /** @description Only series of this instance, e.g. a port's name */
                instance?: string;
                /** @description Only series of this metric */
                metric?: string;
            };
            header?: never;
            path: {
                /** @description Device id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All that match */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SeriesList"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    streamEvents: {
        parameters: {
            query?: {
                /** @description Also the samples of this device */
                device?: string;
                /** @description Also warnings and errors of all processes */
                log?: boolean;
            };
            header?: {
                /** @description Id of the last event seen: what came since is sent first */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events without end */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many viewers; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSamples: {
        parameters: {
            query?: {
                /** @description Begin, ms since the epoch; an hour before `to` when left out */
                from?: number;
                /** @description End, ms since the epoch; now when left out */
                to?: number;
                /** @description Most points wanted; 2000 when left out */
                points?: number;
            };
            header?: never;
            path: {
                /** @description Series id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The series over the range */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Samples"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description OpenAPI 3.1 */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": Record<string, never>;
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readyz: {
        parameters: {
            query?: {
                /** @description true: this process and what it needs itself, as a load balancer wants to know it. Otherwise, on a process with the API, every part of the system */
                alone?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not now; the detail says what is missing since when */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSchema: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The id in front of a datum */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The schema */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SchemaText"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such schema */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["RegistryProblem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSubjects: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Full names of the records */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": string[];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listVersions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Full name of a record */
                subject: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Their numbers, the oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": number[];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such subject */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["RegistryProblem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Full name of a record */
                subject: string;
                /** @description A number, or `latest` */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its schema */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SubjectVersion"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such subject or version */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["RegistryProblem"];
                };
            };
            /** @description No number of a version */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["RegistryProblem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLog: {
        parameters: {
            query?: {
                /** @description Only of this process: its roles and name, e.g. connect@host-1 */
                process?: string;
                /** @description Only of this component */
                component?: string;
                /** @description error: only errors; warn: both */
                level?: string;
                /** @description Part of the message or of what it was said with */
                q?: string;
                /** @description Only then or later, ms since the epoch */
                from?: number;
                /** @description Only then or before, ms since the epoch */
                to?: number;
                /** @description Most items wanted; 100 when left out */
                limit?: number;
                /** @description `next_cursor` of the page before */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LogPage"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Fields are wrong; all of them are named */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getSystemStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Log, database, roles, warnings */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SystemStatus"];
                };
            };
            /** @description The request cannot be read */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Nobody is signed in */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The permission is missing, or it was sent from another site */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something behind the API is away; try again later */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It took too long */
            504: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
