//! What is particular to the logs of this process; what every log must do is `conformance`.
