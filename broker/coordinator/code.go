package coordinator

import "fmt"

// Code is a Kafka error code that a coordinator answers with. It is an error, and its number goes on the wire as it is.
// Source: Kafka's org.apache.kafka.common.protocol.Errors.
type Code int16

// The codes coordinators answer with.
const (
	UnknownServerError     Code = -1
	OK                     Code = 0
	UnknownTopicPartition  Code = 3
	RequestTimedOut        Code = 7
	RecordTooLarge         Code = 10
	OffsetMetadataTooLarge Code = 12
	LoadInProgress         Code = 14 // COORDINATOR_LOAD_IN_PROGRESS: ask again
	NotAvailable           Code = 15 // COORDINATOR_NOT_AVAILABLE: ask again
	NotCoordinator         Code = 16 // NOT_COORDINATOR: look the coordinator up again
	IllegalGeneration      Code = 22
	InconsistentProtocol   Code = 23
	InvalidGroupID         Code = 24
	UnknownMemberID        Code = 25
	InvalidSessionTimeout  Code = 26
	RebalanceInProgress    Code = 27
	UnsupportedVersion     Code = 35
	InvalidRequest         Code = 42
	InvalidProducerEpoch   Code = 47
	InvalidTxnState        Code = 48
	InvalidProducerID      Code = 49 // INVALID_PRODUCER_ID_MAPPING
	InvalidTxnTimeout      Code = 50
	ConcurrentTransactions Code = 51
	StorageError           Code = 56
	NonEmptyGroup          Code = 68
	GroupIDNotFound        Code = 69
	MemberIDRequired       Code = 79
	GroupMaxSizeReached    Code = 81
	FencedInstanceID       Code = 82
	GroupSubscribed        Code = 86 // GROUP_SUBSCRIBED_TO_TOPIC
	UnstableOffsetCommit   Code = 88
	ProducerFenced         Code = 90
	TransactionalIDUnknown Code = 105 // TRANSACTIONAL_ID_NOT_FOUND
	TransactionAbortable   Code = 120

	FencedMemberEpoch        Code = 110
	UnreleasedInstanceID     Code = 111
	UnsupportedAssignor      Code = 112
	StaleMemberEpoch         Code = 113
	InvalidRegularExpression Code = 128
)

// text gives the meaning of a code in our own words.
func (c Code) text() string {
	switch c {
	case OK:
		return "no error"
	case UnknownTopicPartition:
		return "unknown topic or partition"
	case RequestTimedOut:
		return "request timed out"
	case RecordTooLarge:
		return "coordinator record too large"
	case OffsetMetadataTooLarge:
		return "offset metadata too large"
	case LoadInProgress:
		return "coordinator is loading"
	case NotAvailable:
		return "coordinator not available"
	case NotCoordinator:
		return "this node is not the coordinator"
	case IllegalGeneration:
		return "generation is not the group's current one"
	case InconsistentProtocol:
		return "no assignment protocol in common with the group"
	case InvalidGroupID:
		return "invalid group id"
	case UnknownMemberID:
		return "unknown member id"
	case InvalidSessionTimeout:
		return "session timeout out of the allowed range"
	case RebalanceInProgress:
		return "group is rebalancing"
	case InvalidRequest:
		return "invalid request"
	}
	return c.moreText()
}

func (c Code) moreText() string {
	switch c {
	case InvalidProducerEpoch:
		return "producer epoch is not the current one"
	case InvalidTxnState:
		return "transaction is in another state"
	case InvalidProducerID:
		return "transactional id belongs to another producer id"
	case InvalidTxnTimeout:
		return "transaction timeout out of the allowed range"
	case ConcurrentTransactions:
		return "the last change of the transaction is still under way"
	case StorageError:
		return "disk failed or is full"
	case NonEmptyGroup:
		return "group has members"
	case GroupIDNotFound:
		return "group not found"
	case MemberIDRequired:
		return "join again with the member id given"
	case GroupMaxSizeReached:
		return "group has its maximum of members"
	case FencedInstanceID:
		return "another member has the same instance id"
	case GroupSubscribed:
		return "group is subscribed to the topic"
	case UnstableOffsetCommit:
		return "an open transaction holds offsets of the group"
	case ProducerFenced:
		return "producer fenced by a newer one"
	case TransactionalIDUnknown:
		return "transactional id not found"
	case TransactionAbortable:
		return "the transaction does not include the partition; abort it"
	}
	return c.memberText()
}

// memberText is of the codes of consumer groups (KIP-848).
func (c Code) memberText() string {
	switch c {
	case UnsupportedVersion:
		return "the version of the request is too old for this group"
	case FencedMemberEpoch:
		return "member epoch is not the current one"
	case UnreleasedInstanceID:
		return "instance id is still in use"
	case UnsupportedAssignor:
		return "assignor is not supported"
	case StaleMemberEpoch:
		return "member epoch is stale"
	case InvalidRegularExpression:
		return "invalid regular expression"
	}
	return fmt.Sprintf("error code %d", int16(c))
}

// Error gives the code's meaning.
func (c Code) Error() string { return c.text() }

// Err gives the code as an error, nil for OK.
func (c Code) Err() error {
	if c == OK {
		return nil
	}
	return c
}
