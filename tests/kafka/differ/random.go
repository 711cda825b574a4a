package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const (
	// randomLines is how many requests a case that is made up has.
	randomLines = 40
	// randomStream keeps the stream of numbers apart from others of the same seed.
	randomStream = 0x6469666665720a
)

// madeUp are cases made from a seed: producers of both kinds, transactions, positions and readers at two partitions, each with values that
// are right as often as wrong.
func madeUp(seed uint64, n int) []scripted {
	var out []scripted
	for i := range n {
		c := scripted{file: "random", name: fmt.Sprintf("seed %d case %d", seed, i)}
		r := rand.New(rand.NewPCG(seed+uint64(i), randomStream))
		for number, text := range append(preamble(), randomRequests(r)...) {
			c.lines = append(c.lines, scriptLine{number, text})
		}
		out = append(out, c)
	}
	return out
}

func preamble() []string {
	return []string{
		"hide CreateTopics 7 TimeoutMillis=5000 Topics=[{Topic=$c NumPartitions=2 ReplicationFactor=1}]",
		"until Topics[0].ErrorCode=0 Metadata 12 Topics=[{Topic=$c}]",
		"InitProducerID 4 TransactionTimeoutMillis=1000 -> p=ProducerID",
		"InitProducerID 4 TransactionalID=$c TransactionTimeoutMillis=60000 -> t=ProducerID",
	}
}

func randomRequests(r *rand.Rand) []string {
	lines := make([]string, 0, randomLines)
	for range randomLines {
		line := randomRequest(r)
		if lines = append(lines, line); strings.HasPrefix(line, "EndTxn") { // whose markers are written when the answer is under way
			lines = append(lines, "DescribeTransactions 0 TransactionalIDs=[$c]")
		}
	}
	return lines
}

// randomTemplates have %p for a partition, %o for an offset, %s for a sequence number, %e for an epoch, %n for a count and %b for a boolean.
var randomTemplates = []string{
	"Produce 9 Acks=-1 TimeoutMillis=5000 Topics=[{Topic=$c Partitions=[{Partition=%p Records=batch{Count=%n}}]}]",
	"Produce 9 Acks=-1 TimeoutMillis=5000 Topics=[{Topic=$c Partitions=[{Partition=%p Records=batch{PID=$p PEpoch=%e Seq=%s Count=%n}}]}]",
	"Produce 9 Acks=-1 TimeoutMillis=5000 Topics=[{Topic=$c Partitions=[{Partition=%p Records=batch{PID=$p PEpoch=0 Seq=%s}}]}]",
	"Produce 9 Acks=-1 TimeoutMillis=5000 TransactionID=$c Topics=[{Topic=$c Partitions=[{Partition=%p Records=batch{PID=$t PEpoch=%e Seq=0 Txn}}]}]",
	"Produce 9 Acks=-1 TimeoutMillis=5000 TransactionID=$c Topics=[{Topic=$c Partitions=[{Partition=%p Records=batch{PID=$t PEpoch=0 Seq=0 Txn}}]}]",
	"AddPartitionsToTxn 3 TransactionalID=$c ProducerID=$t ProducerEpoch=%e Topics=[{Topic=$c Partitions=[%p]}]",
	"AddPartitionsToTxn 3 TransactionalID=$c ProducerID=$t ProducerEpoch=0 Topics=[{Topic=$c Partitions=[%p]}]",
	"AddOffsetsToTxn 3 TransactionalID=$c ProducerID=$t ProducerEpoch=0 Group=$c",
	"TxnOffsetCommit 3 TransactionalID=$c Group=$c ProducerID=$t ProducerEpoch=0 Topics=[{Topic=$c Partitions=[{Partition=0 Offset=%o}]}]",
	"EndTxn 3 TransactionalID=$c ProducerID=$t ProducerEpoch=0 Commit=%b",
	"EndTxn 3 TransactionalID=$c ProducerID=$t ProducerEpoch=%e Commit=%b",
	"OffsetCommit 8 Group=$c Generation=-1 Topics=[{Topic=$c Partitions=[{Partition=%p Offset=%o}]}]",
	"OffsetFetch 7 Group=$c Topics=[{Topic=$c Partitions=[0]}]",
	"ListOffsets 8 ReplicaID=-1 Topics=[{Topic=$c Partitions=[{Partition=%p Timestamp=-1}]}]",
	"ListOffsets 8 ReplicaID=-1 Topics=[{Topic=$c Partitions=[{Partition=%p Timestamp=-2}]}]",
	"DeleteRecords 2 TimeoutMillis=5000 Topics=[{Topic=$c Partitions=[{Partition=%p Offset=%o}]}]",
	"Fetch 12 MaxWaitMillis=0 MinBytes=0 MaxBytes=1000000 Topics=[{Topic=$c Partitions=[{Partition=%p FetchOffset=%o PartitionMaxBytes=1000000}]}]",
	"DescribeProducers 0 Topics=[{Topic=$c Partitions=[%p]}]",
}

func randomRequest(r *rand.Rand) string {
	one := func(values ...string) string { return values[r.IntN(len(values))] }
	return strings.NewReplacer(
		"%p", one("0", "0", "0", "1", "1", "2"),
		"%o", one("0", "1", "2", "3", "5", "8", "100"),
		"%s", one("0", "0", "1", "2", "3", "4", "7"),
		"%e", one("0", "0", "0", "1", "2"),
		"%n", one("1", "1", "2", "3"),
		"%b", one("true", "false"),
	).Replace(randomTemplates[r.IntN(len(randomTemplates))])
}
