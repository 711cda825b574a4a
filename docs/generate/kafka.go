package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
)

// writeKafkaConfigs lists the configs of everything Kafka's tools can configure.
func writeKafkaConfigs(w io.Writer) error {
	fmt.Fprint(w, `# Configs of topics, brokers, groups and client metrics

Generated from the registry. Topics get theirs by `+"`CreateTopics` and `IncrementalAlterConfigs`"+` (`+"`kafka-topics --config`, `kafka-configs`"+`); brokers
by `+"`kafka-configs --entity-type brokers`"+` while they run (`+"`--entity-default`"+` for all of them, `+"`--entity-name 1`"+` for one, which wins) and by
`+"`freshet serve --broker-config NAME=VALUE`"+` where they are started, which gives way to both. `+"`DescribeConfigs`"+` (`+"`kafka-configs --describe --all`"+`) shows each value with
where it comes from. What a topic doesn't set follows the broker config in its "default from".

What the log cannot honour is refused, not ignored; where a config has no effect, its line says so. More may be changed while the broker runs than
in Kafka (`+"`num.partitions`, `group.*`, `transaction.max.timeout.ms`"+`); "at start" marks those that need `+"`--broker-config`"+`.

## Topics
`)
	writeConfigs(w, metadata.TopicConfigDefs(), "default from", func(d *metadata.ConfigDef) string {
		var names []string
		for _, s := range d.Synonyms {
			names = append(names, code(s.Name))
		}
		return strings.Join(names, "<br>")
	})
	change := func(d *metadata.ConfigDef) string {
		if d.ReadOnly {
			return "at start"
		}
		return "running"
	}
	fmt.Fprint(w, "\n## Brokers\n")
	writeConfigs(w, metadata.BrokerConfigDefs(), "changes", change)
	fmt.Fprint(w, notListed)
	fmt.Fprint(w, "\n## Consumer groups\n\n`kafka-configs --entity-type groups --entity-name GROUP`.\n")
	writeConfigs(w, metadata.GroupConfigDefs(), "changes", change)
	fmt.Fprint(w, "\n## Client metrics\n\n`kafka-configs --entity-type client-metrics --entity-name NAME`.\n")
	writeConfigs(w, metadata.ClientMetricsConfigDefs(), "changes", change)
	return nil
}

// notListed says which configs of Kafka's brokers there are not.
const notListed = `
Kafka 4.3 lists about 340 configs of a broker. Those that are not above are not there, neither to be read nor to be set; a node that is started with one
says so and ends. A name without a meaning would be a promise.

| not there | why |
|---|---|
| ` + "`controller.*`, `metadata.log.*`, `metadata.max.*`, `broker.heartbeat.*`, `broker.session.*`, `broker.rack`, `inter.broker.*`, `security.inter.broker.protocol`, `initial.broker.*`" + ` | A node is its own controller and has no other brokers. |
| ` + "`replica.*`, `replication.quota.*`, `alter.log.dirs.*`, `num.replica.alter.log.dirs.threads`" + ` but for those above | There is one replica in one directory. |
| ` + "`remote.*`, `cordoned.log.dirs`, `follower.fetch.last.tiered.offset.enable`" + ` | Tiered storage is not there yet. |
| ` + "`group.share.*`, `share.*`, `group.streams.*`, `delegation.token.*`, `telemetry.max.bytes`" + ` | Neither are share groups, Streams groups, delegation tokens and clients' metrics. |
| ` + "`group.consumer.*assignment.interval.ms`, `group.coordinator.append.linger.ms`, `group.coordinator.*buffer*`, `group.coordinator.background.threads`" + ` | Groups are assigned at once and written with what else waits. |
| ` + "`ssl.*`, `early.start.listeners`, `log.dir`" + ` | ` + "`freshet serve` has `--tls-cert`, `--tls-key`, `--tls-client-ca`, `--kafka-tls`, `--data-dir`" + `. |
| ` + "`sasl.*`" + ` but for those above | PLAIN and SCRAM need none of them; Kerberos and OAUTHBEARER are not there. |
| ` + "`*.class`, `*.class.name`, `*.policy.class.name`, `config.providers`, `security.providers`, `*metrics.reporters`" + ` | They name Java classes. |
| ` + "`*.purgatory.*`, `log.flush.*checkpoint*`, `socket.connection.setup.*`, `socket.listen.backlog.size`, `request.timeout.ms`, `metrics.*`, `log.dir.failure.timeout.ms`" + ` | They tune parts that this broker doesn't have. |

Changed while it runs in Kafka and not here: ` + "`listeners`" + ` and what belongs to them.
`

func writeConfigs(w io.Writer, defs []metadata.ConfigDef, heading string, more func(*metadata.ConfigDef) string) {
	fmt.Fprintf(w, "\n| config | values | default | %s | meaning |\n|---|---|---|---|---|\n", heading)
	for i := range defs {
		d := &defs[i]
		def := code(d.Default)
		if d.NoDefault {
			def = "none"
		}
		fmt.Fprintf(w, "| `%s` | %s | %s | %s | %s |\n", d.Name, cell(configValues(d)), def, more(d), cell(d.Doc))
	}
}

// configValues says what a config can be.
func configValues(d *metadata.ConfigDef) string {
	values := map[metadata.ConfigType]string{
		metadata.ConfigBoolean: "true, false", metadata.ConfigString: "text", metadata.ConfigShort: "int16", metadata.ConfigInt: "int32",
		metadata.ConfigLong: "int64", metadata.ConfigDouble: "0 to 1", metadata.ConfigList: "list",
	}[d.Type]
	switch {
	case d.Unbounded:
		return "number"
	case len(d.OneOf) > 0:
		return "only " + strings.Join(d.OneOf, ", ")
	case d.Max > d.Min && d.Min != 0:
		return values + fmt.Sprintf(", at least %d", d.Min)
	}
	return values
}

// apiNotes say what a reader of Kafka's documentation would not expect of an API.
var apiNotes = map[kmsg.Key]string{
	kmsg.Produce:                   "0 to 2 are shown for librdkafka, KAFKA-18659, and refused",
	kmsg.CreatePartitions:          "not of `__consumer_offsets` and `__transaction_state`: Kafka gives them more, and loses positions and stops transactions",
	kmsg.AlterPartitionAssignments: "on a single node: replicas as they are, and the answer that nothing can be cancelled",
	kmsg.ElectLeaders:              "on a single node: every partition has its leader",
	kmsg.DescribeQuorum:            "the metadata quorum, under Kafka's name `__cluster_metadata`",
	kmsg.UpdateFeatures:            "every feature is at its highest level already",
	kmsg.UnregisterBroker:          "not of the broker that answers",
	kmsg.DescribeClientQuotas:      "users, client ids, IP addresses",
	kmsg.AlterClientQuotas:         "`producer_byte_rate`, `consumer_byte_rate`, `request_percentage`, `controller_mutation_rate`, `connection_creation_rate`",
	kmsg.ListConfigResources:       "version 0 lists client metrics",
	kmsg.DescribeConfigs:           "topics, brokers, groups, client metrics",
	kmsg.IncrementalAlterConfigs:   "topics, brokers, groups, client metrics",
}
