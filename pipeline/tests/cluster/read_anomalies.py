"""Reads a topic of anomalies to its end with nothing of ours: librdkafka, the registry's client and
its Avro deserialiser. Prints one JSON object a record, all values as texts, floats to the last digit.

    read_anomalies.py BOOTSTRAP TOPIC REGISTRY_URL TOKEN_FILE
"""

import json
import sys
import time
from datetime import datetime
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

WITHIN_S = 60


def text(value):
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return str(round(value.timestamp() * 1000))
    return str(value)


def main(bootstrap, topic, registry, token_file):
    token = Path(token_file).read_text().strip()
    client = SchemaRegistryClient({"url": registry, "basic.auth.user.info": f"token:{token}"})
    deserialise = AvroDeserializer(client)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "read-anomalies",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )
    partitions = consumer.list_topics(topic, timeout=WITHIN_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, it, OFFSET_BEGINNING) for it in partitions])
    unread = set(partitions)
    deadline = time.monotonic() + WITHIN_S
    while unread:
        if time.monotonic() > deadline:
            sys.exit(f"partitions {sorted(unread)} of {topic} were not read in {WITHIN_S} s")
        message = consumer.poll(1.0)
        if message is None:
            continue
        error = message.error()
        if error is None:
            context = SerializationContext(topic, MessageField.VALUE)
            record = deserialise(message.value(), context)
            line = {name: text(value) for name, value in record.items()}
            print(json.dumps({"key": message.key().decode(), **line}))
        elif error.code() == KafkaError._PARTITION_EOF:
            unread.discard(message.partition())
        else:
            raise KafkaException(error)
    consumer.close()


main(*sys.argv[1:])
